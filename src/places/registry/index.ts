export type { Credentials } from "./auth/credential-helper.ts";
export { type CredentialStore, type CredentialStoreOptions, credentialStore } from "./auth/credentials.ts";
export {
  type BlobQuery,
  type ReferrersUpload,
  RegistryClient,
  type RegistryClientOptions,
} from "./client.ts";
export type { ConnectionOptions, Environment } from "./http/dispatcher.ts";
export { isTransient, RegistryFailure } from "./http/failure.ts";
export { HttpClient, type HttpClientOptions, type RequestEvent } from "./http/http-client.ts";
export type { RetryOptions } from "./http/retry.ts";
export type { ManifestHead, ManifestRequest, ManifestUpload } from "./manifests.ts";
export { type RegistrySourceOptions, registrySource } from "./pull.ts";
export { type RegistrySinkOptions, registrySink } from "./push.ts";
export type { ReferrersRequest } from "./referrers/list.ts";
export { registryReferrers } from "./referrers/store.ts";
export type { Removal, Removed } from "./removal.ts";
export type { TagsRequest } from "./tags.ts";
export type { BlobUpload, Uploaded, UploadOptions } from "./upload/upload.ts";
export type { Mount, UploadSession } from "./upload/upload-session.ts";

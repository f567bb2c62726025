/** What cosign before version 3 signed: containers' "simple signing" payload about an image. */
export const simpleSigning = (digest: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      critical: {
        identity: { "docker-reference": "example.com/app" },
        image: { "docker-manifest-digest": digest },
        type: "cosign container image signature",
      },
      optional: { by: "me" },
    }),
  );

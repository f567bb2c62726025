/** What systems that run builds say of a run in its environment. */
import type { BuildRun } from "#attest";

type Environment = Readonly<Record<string, string | undefined>>;

/** A build's run as its system tells of it, and the repository that it is about. */
export interface KnownRun extends BuildRun {
  readonly repository?: string | undefined;
  readonly revision?: string | undefined;
}

/** The run that an environment is of: GitHub Actions' and GitLab CI's are known. Nothing else of the environment is looked at. */
export function runIn(environment: Environment): KnownRun | undefined {
  if (environment["GITHUB_ACTIONS"] === "true") return githubRun(environment);
  if (environment["GITLAB_CI"] === "true") return gitlabRun(environment);
  return undefined;
}

/** GitHub's "Variables reference". The workflow's file is whom to trust. */
function githubRun(environment: Environment): KnownRun | undefined {
  const server = addressIn(environment["GITHUB_SERVER_URL"]);
  const {
    GITHUB_REPOSITORY: repository,
    GITHUB_RUN_ID: run,
    GITHUB_RUN_ATTEMPT: attempt = "1",
  } = environment;
  const workflow = environment["GITHUB_WORKFLOW_REF"];
  if (server === undefined || !repository || !run) return undefined;
  return {
    builder: workflow ? `${server}/${workflow}` : `${server}/${repository}`,
    invocation: `${server}/${repository}/actions/runs/${run}/attempts/${attempt}`,
    repository: `${server}/${repository}`,
    revision: environment["GITHUB_SHA"],
    parameters: given({
      ref: environment["GITHUB_REF"],
      event: environment["GITHUB_EVENT_NAME"],
      runnerEnvironment: environment["RUNNER_ENVIRONMENT"],
    }),
  };
}

/** GitLab's "Predefined CI/CD variables reference"; the builder is as its own provenance has it. */
function gitlabRun(environment: Environment): KnownRun | undefined {
  const server = addressIn(environment["CI_SERVER_URL"]);
  const runner = environment["CI_RUNNER_ID"];
  if (server === undefined) return undefined;
  return {
    builder: runner ? `${server}/-/runners/${runner}` : server,
    invocation: addressIn(environment["CI_JOB_URL"]),
    repository: addressIn(environment["CI_PROJECT_URL"]),
    revision: environment["CI_COMMIT_SHA"],
    parameters: given({
      ref: environment["CI_COMMIT_REF_NAME"],
      event: environment["CI_PIPELINE_SOURCE"],
      job: environment["CI_JOB_NAME"],
    }),
  };
}

/** A web address without what anybody could log in with, and without a slash at the end. */
function addressIn(text: string | undefined): string | undefined {
  if (text === undefined || !URL.canParse(text)) return undefined;
  const { protocol, origin, pathname } = new URL(text);
  return protocol === "https:" || protocol === "http:"
    ? `${origin}${pathname}`.replace(/\/+$/, "")
    : undefined;
}

function given(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "",
    ),
  );
}

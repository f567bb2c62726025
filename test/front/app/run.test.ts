import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runIn } from "../../../src/front/app/run.ts";

describe("the run of a build system", () => {
  it("is GitHub's", () => {
    assert.deepEqual(
      runIn({
        GITHUB_ACTIONS: "true",
        GITHUB_SERVER_URL: "https://github.com",
        GITHUB_REPOSITORY: "me/shop",
        GITHUB_RUN_ID: "42",
        GITHUB_RUN_ATTEMPT: "2",
        GITHUB_WORKFLOW_REF: "me/shop/.github/workflows/image.yml@refs/heads/main",
        GITHUB_SHA: "a".repeat(40),
        GITHUB_REF: "refs/heads/main",
        GITHUB_EVENT_NAME: "push",
        RUNNER_ENVIRONMENT: "github-hosted",
        GITHUB_TOKEN: "secret",
      }),
      {
        builder: "https://github.com/me/shop/.github/workflows/image.yml@refs/heads/main",
        invocation: "https://github.com/me/shop/actions/runs/42/attempts/2",
        repository: "https://github.com/me/shop",
        revision: "a".repeat(40),
        parameters: { ref: "refs/heads/main", event: "push", runnerEnvironment: "github-hosted" },
      },
    );
  });

  it("is GitLab's, without what somebody could log in with", () => {
    assert.deepEqual(
      runIn({
        GITLAB_CI: "true",
        CI_SERVER_URL: "https://gitlab.example.com:8443/git",
        CI_RUNNER_ID: "7",
        CI_JOB_URL: "https://gitlab.example.com:8443/git/me/shop/-/jobs/9",
        CI_PROJECT_URL: "https://user:secret@gitlab.example.com/me/shop",
        CI_COMMIT_SHA: "b".repeat(40),
        CI_COMMIT_REF_NAME: "main",
        CI_PIPELINE_SOURCE: "push",
        CI_JOB_NAME: "image",
        CI_JOB_TOKEN: "secret",
      }),
      {
        builder: "https://gitlab.example.com:8443/git/-/runners/7",
        invocation: "https://gitlab.example.com:8443/git/me/shop/-/jobs/9",
        repository: "https://gitlab.example.com/me/shop",
        revision: "b".repeat(40),
        parameters: { ref: "main", event: "push", job: "image" },
      },
    );
  });

  it("is nobody's where nothing says it", () => {
    for (const environment of [
      {},
      { CI: "true" },
      { GITHUB_ACTIONS: "true" },
      { GITLAB_CI: "true", CI_SERVER_URL: "x" },
    ])
      assert.equal(runIn(environment), undefined);
  });
});

/** The body of a measuring thread: recipes come in, their digests, sizes and listings go out. */
import { workerData } from "node:worker_threads";
import { answerRequests } from "#util";
import { type MeasureThreadData, measurer } from "./measurer.ts";

answerRequests(measurer(workerData as MeasureThreadData), (answer) =>
  answer.type === "measured" ? [answer.kept.bytes.buffer] : [],
);

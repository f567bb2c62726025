/** The body of a compressing thread. */
import { answerRequests } from "#util";
import { compressInPlace } from "./block.ts";

answerRequests(compressInPlace);

/** The body of a compressing thread. */
import { answerRequests } from "../util/index.ts";
import { compressInPlace } from "./compress-block.ts";

answerRequests(compressInPlace);

/** The body of a thread that compresses blocks. */
import { answerRequests } from "#util";
import { compressInPlace } from "../images/compress/block.ts";

answerRequests(compressInPlace);

export { type PythonDatetime, parsePythonDatetime, timestampSeconds } from "./datetime.ts";
export { pythonInt } from "./int.ts";
export { dumpPythonJson, type PyJson, type PyObject, parsePythonJson, pyObject } from "./json.ts";
export { pythonFloat, pythonRepr } from "./repr.ts";

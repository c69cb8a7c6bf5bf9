// What the tests of package call drive the page's ear by: a list of inputs in JSON,
// and what came of each.
import { Ear } from "./hearing.js";

globalThis.listen = (text) => {
  const ear = new Ear();
  return JSON.stringify(JSON.parse(text).map((i) => {
    if (i.answered) ear.answer(i.now, i.quiet);
    return { ask: ear.listen(i.now, i), deaf: ear.deaf };
  }));
};

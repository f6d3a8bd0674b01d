// A reporter of node's: how long each story took, in milliseconds, and its name; `run` prints the slowest.
export default async function* times(events) {
  for await (const { type, data } of events) {
    if ((type === "test:pass" || type === "test:fail") && data.details.type !== "suite") {
      yield `${data.details.duration_ms.toFixed(0)}\t${data.name}\n`;
    }
  }
}

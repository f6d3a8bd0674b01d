// What fingers do on the chart: they draw a stretch of time, or zoom.

// One that moved so far across draws a stretch, in pixels.
const ACROSS = 8;

// One finger that moves across draws a stretch, two that part or meet zoom; one that moves up or down scrolls the page,
// which the browser does by itself.
export function fingers(u, { closest, zoom, pinch, all }) {
  const down = new Map();
  let begin = null;
  let held = null;
  const place = (event) => event.clientX - u.over.getBoundingClientRect().left;
  const clear = () => u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  const at = (x) => u.posToVal(x, "x");
  u.over.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    down.set(event.pointerId, place(event));
    u.over.setPointerCapture(event.pointerId);
    begin = down.size === 1 ? place(event) : null;
    if (down.size !== 2) return;
    clear();
    held = [...down].map(([id, x]) => ({ id, time: at(x) }));
    pinch(true);
  });
  u.over.addEventListener("pointermove", (event) => {
    if (!down.has(event.pointerId)) return;
    down.set(event.pointerId, place(event));
    if (held && down.size === 2) {
      const [one, other] = held.map(({ id, time }) => ({ x: down.get(id), time }));
      const pace = (other.time - one.time) / (other.x - one.x);
      const seen = { min: one.time - one.x * pace, max: one.time + (u.over.clientWidth - one.x) * pace };
      if (pace > 0 && seen.max - seen.min >= closest) u.setScale("x", { ...seen, max: Math.min(seen.max, Date.now() / 1000) });
    } else if (begin !== null && Math.abs(place(event) - begin) > ACROSS) {
      const [left, right] = [begin, Math.min(u.over.clientWidth, Math.max(0, place(event)))].sort((one, other) => one - other);
      u.setSelect({ left, width: right - left, top: 0, height: u.over.clientHeight }, false);
    }
  });
  const end = (event) => {
    if (!down.delete(event.pointerId)) return;
    const drawn = u.select.width;
    if (held) {
      pinch(false);
      // The second finger of the two leaves nothing more to say.
      if (down.size === 1 && event.type === "pointerup") zoom(u.scales.x.min, u.scales.x.max);
      else if (event.type === "pointercancel") u.setScale("x", all());
    } else if (event.type === "pointerup" && begin !== null && drawn > ACROSS) {
      zoom(at(u.select.left), at(u.select.left + drawn));
    }
    if (down.size) return;
    [begin, held] = [null, null];
    clear();
  };
  u.over.addEventListener("pointerup", end);
  // The browser took it, to scroll.
  u.over.addEventListener("pointercancel", end);
}

/**
 * The page's script: it opens layers, and sets two views side by side. It makes elements and gives them text, and never HTML.
 * Without it the page shows the plan's map and table.
 */
export const SCRIPT = `
"use strict";
(() => {
  const { pieces, views } = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  if (!byId("maps")) return;
  const left = byId("left"), right = byId("right"), details = byId("details"), moved = byId("moved");
  const neededBy = pieces.map(() => []);
  pieces.forEach((piece, at) => { for (const ref of piece.refs || []) neededBy[ref].push(at); });
  const layerOf = views.map((view) => {
    const found = new Map();
    view.layers.forEach((layer, at) => { for (const piece of layer.pieces) if (!found.has(piece)) found.set(piece, at); });
    return found;
  });

  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const name = (text) => make("bdi", {}, text);
  const bytes = (size) => {
    if (size === null) return "\\u2013";
    const units = ["B", "kB", "MB", "GB", "TB"];
    let unit = 0;
    while (size >= 999.5 && unit < units.length - 1) { size /= 1000; unit++; }
    return (unit === 0 ? size : size.toPrecision(3)) + " " + units[unit];
  };
  const counted = (count, noun) => count + " " + noun + (count === 1 ? "" : "s");
  const tilesOf = (view) => [...document.querySelectorAll('.tile[data-view="' + view + '"]')];
  const tileAt = (view, layer) => document.querySelector('.tile[data-view="' + view + '"][data-layer="' + layer + '"]');
  const headings = (...texts) => make("thead", {}, make("tr", {}, ...texts.map((text, at) =>
    make("th", { scope: "col", className: at === 0 ? "text" : "" }, text))));

  let open;
  const close = () => {
    if (!open) return;
    const tile = tileAt(open.view, open.layer);
    tile.setAttribute("aria-expanded", "false");
    details.hidden = true;
    open = undefined;
    if (tile.offsetParent) tile.focus();
  };

  /** Opens a layer; with a piece, also what that refers to and what refers to it. */
  const show = (view, layer, piece) => {
    if (open) tileAt(open.view, open.layer).setAttribute("aria-expanded", "false");
    open = { view, layer };
    rove(tileAt(view, layer));
    tileAt(view, layer).setAttribute("aria-expanded", "true");
    const { number, size, share, by, units, pieces: own } = views[view].layers[layer];
    byId("details-title").replaceChildren("Layer " + number + " of ", name(views[view].name), ": " + bytes(size));
    const more = units > by.length ? " and " + (units - by.length) + " more" : "";
    const about = share === null ? ["It isn\\u2019t known how many updates touch it."] :
      [share + " touch it, by a change of ", ...by.flatMap((unit, at) => at === 0 ? [name(unit)] : [", ", name(unit)]), more + "."];
    const body = make("tbody");
    for (const at of own) body.append(...rowsOf(at, view));
    byId("details-body").replaceChildren(
      make("p", {}, ...about),
      make("p", { className: "quiet" }, own.length === 0 ? "It has no components." : counted(own.length, "component") + ":"),
      ...(own.length === 0 ? [] : [make("table", {}, headings("Component", "Size", "Needs", "Needed by"), body)]));
    const closing = make("button", { type: "button", className: "link screen", onclick: close }, "Close");
    byId("details-body").append(make("p", {}, closing));
    details.hidden = false;
    if (piece === undefined) {
      byId("details-title").focus();
      return;
    }
    const row = byId("piece" + piece);
    if (row.getAttribute("aria-expanded") === "false") row.click();
    row.focus();
  };

  /** A component's row, and the one with its references, which is filled when it is opened. */
  const rowsOf = (at, view) => {
    const piece = pieces[at];
    const cell = make("td", { colSpan: 4, className: "refs" });
    const below = make("tr", { hidden: true, id: "refs" + at }, cell);
    const button = make("button", { type: "button", className: "link", id: "piece" + at }, name(piece.name));
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-controls", "refs" + at);
    button.addEventListener("click", () => {
      below.hidden = !below.hidden;
      button.setAttribute("aria-expanded", String(!below.hidden));
      if (cell.childElementCount > 0) return;
      const needs = piece.refs === null ? undefined : piece.refs;
      cell.append(...references("Needs", needs, view), ...references("Needed by", needs && neededBy[at], view));
    });
    const count = (list) => piece.refs === null ? "\\u2013" : String(list.length);
    return [make("tr", {}, make("th", { scope: "row", className: "text" }, button), make("td", {}, bytes(piece.size)),
      make("td", {}, count(piece.refs)), make("td", {}, count(neededBy[at]))), below];
  };

  const references = (title, list, view) => {
    const heading = make("h4", {}, title);
    if (list === undefined) return [heading, make("p", {}, "not known: it isn\\u2019t in the graph")];
    if (list.length === 0) return [heading, make("p", {}, "nothing")];
    return [heading, make("ul", {}, ...list.map((at) => {
      const layer = layerOf[view].get(at);
      if (layer === undefined) return make("li", {}, name(pieces[at].name), " (in no layer)");
      const onclick = () => show(view, layer, at);
      const link = make("button", { type: "button", className: "link", onclick }, name(pieces[at].name));
      return make("li", {}, link, " (layer " + views[view].layers[layer].number + ")");
    }))];
  };

  /** Pairs the layers of two views: those that share most, each once. */
  const matchLayers = (a, b) => {
    const where = new Map();
    views[b].layers.forEach((layer, at) => { for (const piece of layer.pieces) where.set(pieces[piece].key, { at, piece }); });
    const shared = new Map();
    views[a].layers.forEach((layer, at) => {
      for (const piece of layer.pieces) {
        const other = where.get(pieces[piece].key);
        if (!other) continue;
        const pair = at + " " + other.at;
        shared.set(pair, (shared.get(pair) || 0) + (pieces[piece].size || pieces[other.piece].size || 0) + 1);
      }
    });
    const pairs = [...shared].map(([pair, size]) => [...pair.split(" ").map(Number), size]);
    pairs.sort((x, y) => y[2] - x[2] || x[0] - y[0] || x[1] - y[1]);
    const toRight = new Map(), toLeft = new Map();
    for (const [l, r] of pairs) if (!toRight.has(l) && !toLeft.has(r)) { toRight.set(l, r); toLeft.set(r, l); }
    return { toRight, where };
  };

  /** What is in another layer, changed, gone or new in view b, compared with view a. */
  const compare = (a, b) => {
    const { toRight, where } = matchLayers(a, b);
    const changes = [], seen = new Set();
    views[a].layers.forEach((layer, l) => {
      for (const piece of layer.pieces) {
        const { key, version } = pieces[piece];
        const other = where.get(key);
        seen.add(key);
        if (!other) { changes.push({ piece, l, what: "gone" }); continue; }
        const what = [];
        if (toRight.get(l) !== other.at) what.push("moved");
        if (pieces[other.piece].version !== version || version === "" && other.piece !== piece) what.push("changed");
        if (what.length > 0) changes.push({ piece: other.piece, l, r: other.at, what: what.join(", ") });
      }
    });
    for (const { at, piece } of where.values()) if (!seen.has(pieces[piece].key)) changes.push({ piece, r: at, what: "new" });
    return changes;
  };

  const shownRows = 20;
  const badge = (view, counts) => {
    for (const tile of tilesOf(view)) {
      const count = counts && counts.get(Number(tile.dataset.layer)) || 0;
      const mark = tile.querySelector(".badge");
      mark.hidden = count === 0;
      mark.textContent = "\\u21c4 " + count;
      tile.classList.toggle("still", counts !== undefined && count === 0);
      tile.setAttribute("aria-description", counts === undefined ? "" : count === 0 ? "nothing moved" : counted(count, "component") + " moved or changed");
    }
  };

  const update = () => {
    const a = Number(left.value);
    const b = right.value === "" || right.value === left.value ? undefined : Number(right.value);
    for (const element of document.querySelectorAll(".view, .table")) {
      const view = Number(element.dataset.view);
      element.hidden = view !== a && view !== b;
      element.classList.toggle("second", view === b);
    }
    const maps = byId("maps");
    maps.classList.toggle("two", b !== undefined);
    maps.prepend(document.querySelector('.view[data-view="' + a + '"]'));
    views.forEach((_, view) => badge(view, undefined));
    moved.hidden = b === undefined;
    if (open && open.view !== a && open.view !== b) { details.hidden = true; tileAt(open.view, open.layer).setAttribute("aria-expanded", "false"); open = undefined; }
    if (b === undefined) return;
    const changes = compare(a, b);
    const tally = (side) => {
      const counts = new Map();
      for (const change of changes) if (change[side] !== undefined) counts.set(change[side], (counts.get(change[side]) || 0) + 1);
      return counts;
    };
    badge(a, tally("l"));
    badge(b, tally("r"));
    const where = (view, layer, piece) => {
      if (layer === undefined) return make("td", {}, "\\u2013");
      const own = views[view].layers[layer].pieces.includes(piece);
      const onclick = () => show(view, layer, own ? piece : undefined);
      return make("td", {}, make("button", { type: "button", className: "link", onclick }, "layer " + views[view].layers[layer].number));
    };
    const sizeOf = ({ piece }) => pieces[piece].size === null ? 0 : pieces[piece].size;
    changes.sort((x, y) => sizeOf(y) - sizeOf(x) || x.piece - y.piece);
    const rows = changes.map(({ piece, l, r, what }) => make("tr", {}, make("th", { scope: "row", className: "text" }, name(pieces[piece].name)),
      make("td", {}, bytes(pieces[piece].size)), where(a, l, piece), where(b, r, piece), make("td", { className: "text" }, what)));
    const total = new Set([...views[a].layers, ...views[b].layers].flatMap((layer) => layer.pieces.map((piece) => pieces[piece].key))).size;
    const kinds = ["moved", "changed", "new", "gone"].map((kind) => [kind, changes.filter(({ what }) => what.split(", ").includes(kind)).length]);
    const told = kinds.filter(([, count]) => count > 0).map(([kind, count]) => count + " " + kind).join(", ");
    // Large components are shown first, and the rest on request.
    for (const row of rows.slice(shownRows)) row.hidden = true;
    const showAll = make("button", { type: "button", className: "link screen", hidden: rows.length <= shownRows }, "Show all " + rows.length);
    showAll.addEventListener("click", () => {
      for (const row of rows) row.hidden = false;
      showAll.hidden = true;
      rows[shownRows].querySelector("button").focus();
    });
    byId("moved-body").replaceChildren(
      make("p", {}, changes.length === 0 ? "Nothing: the same components share a layer in both." : "Of " + counted(total, "component") + ": " + told + ". (A layer is the one on the other side that it has most bytes in common with.)"),
      ...(changes.length === 0 ? [] : [make("table", {}, headings("Component", "Size", views[a].name, views[b].name, ""), make("tbody", {}, ...rows)), make("p", {}, showAll)]));
  };

  /** Of a view's tiles one is reached by Tab; the arrow keys go on from there. */
  const rove = (tile) => {
    for (const other of tilesOf(tile.dataset.view)) other.tabIndex = other === tile ? 0 : -1;
  };
  const neighbour = (tile, key) => {
    const tiles = tilesOf(tile.dataset.view);
    if (key === "Home") return tiles[0];
    if (key === "End") return tiles[tiles.length - 1];
    const sideways = key === "ArrowLeft" || key === "ArrowRight";
    const forward = key === "ArrowRight" || key === "ArrowDown";
    const box = (element) => element.getBoundingClientRect();
    const from = box(tile);
    const middle = (b) => sideways ? b.top + b.height / 2 : b.left + b.width / 2;
    let best, least = Infinity;
    for (const other of tiles) {
      const to = box(other);
      const distance = sideways ? (forward ? to.left - from.right : from.left - to.right) : (forward ? to.top - from.bottom : from.top - to.bottom);
      if (other === tile || distance < -2) continue;
      const overlap = sideways ? Math.min(from.bottom, to.bottom) - Math.max(from.top, to.top) : Math.min(from.right, to.right) - Math.max(from.left, to.left);
      const cost = Math.max(0, distance) + (overlap > 1 ? 0 : 1000) + Math.abs(middle(from) - middle(to)) / 4;
      if (cost < least) { least = cost; best = other; }
    }
    return best;
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-layer]");
    if (!button) return;
    const view = Number(button.dataset.view), layer = Number(button.dataset.layer);
    if (open && open.view === view && open.layer === layer && button.classList.contains("tile")) close();
    else show(view, layer);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { close(); return; }
    const tile = event.target.closest(".tile");
    if (!tile || event.altKey || event.ctrlKey || event.metaKey || !/^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(event.key)) return;
    event.preventDefault();
    const next = neighbour(tile, event.key);
    if (!next) return;
    rove(next);
    next.focus();
  });
  left.addEventListener("change", update);
  right.addEventListener("change", update);
  views.forEach((view, at) => { if (view.layers.length > 0) rove(tileAt(at, 0)); });
  byId("controls").hidden = false;
  byId("hint").hidden = false;
  update();
})();
`;

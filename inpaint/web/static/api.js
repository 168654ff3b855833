// Talking to the server: every failure becomes an Error whose message is meant for people.

export const STOPPED = 0; // status of an error when nobody answered

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function failure(response) {
  try {
    const { error } = await response.json();
    return new ApiError(response.status, error);
  } catch {
    return new ApiError(response.status, `the server answered ${response.status}, and did not say why`);
  }
}

async function call(path, init = {}) {
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(STOPPED, "The server has stopped; your picture is kept in this page. Start it again with inpaint serve, then go on here.");
  }
  if (!response.ok) throw await failure(response);
  return response;
}

const json = (value) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(value),
});

const bytes = (method, body) => ({ method, headers: { "Content-Type": "application/octet-stream" }, body });

const query = (values) => new URLSearchParams(
  Object.entries(values).map(([k, v]) => [k, typeof v === "string" ? v : JSON.stringify(v)]),
);

// What of a shape the server reads; the page's own drawings of it stay here.
const plain = (shapes) => shapes.map(({ kind, points, size, box, counts, erase }) => ({ kind, points, size, box, counts, erase }));

export async function about() {
  return (await call("/api/about")).json();
}

export async function openPhoto(file) {
  return (await call("/api/photos", bytes("POST", file))).json();
}

export function closePhoto(key) {
  // keepalive: it must arrive although the page is going.
  fetch(`/api/photos/${key}`, { method: "DELETE", keepalive: true }).catch(() => {});
}

export async function keepPhoto(key) {
  await call(`/api/photos/${key}/keep`, { method: "POST" });
}

export async function view(key, side) {
  const blob = await (await call(`/api/photos/${key}/view?${query({ side })}`)).blob();
  return createImageBitmap(blob);
}

export async function snap(key, side, request) {
  return (await call(`/api/photos/${key}/snap?${query({ side })}`, json(request))).json();
}

export async function loadMask(key, side, file) {
  return (await call(`/api/photos/${key}/mask?${query({ side })}`, bytes("PUT", file))).json();
}

export async function drawMask(key, shapes) {
  return (await call(`/api/photos/${key}/mask`, json({ shapes: plain(shapes) }))).blob();
}

export async function candidate(key, stack, side) {
  const response = await call(`/api/photos/${key}/candidate?${query({ stack, side })}`);
  const place = JSON.parse(response.headers.get("X-Place"));
  return { ...place, bitmap: await createImageBitmap(await response.blob()) };
}

export async function extend(key, side, request) {
  return (await call(`/api/photos/${key}/extended?${query({ side })}`, json(request))).json();
}

export async function takeFill(key, number) {
  return (await call(`/api/photos/${key}/fills/${number}`)).arrayBuffer();
}

export async function putFill(key, number, held) {
  await call(`/api/photos/${key}/fills/${number}`, bytes("PUT", held));
}

export async function file(key, stack, format) {
  return (await call(`/api/photos/${key}/file?${query({ stack, format })}`)).blob();
}

// Fill, and hand on each event as it comes; returns the last one. Aborting the signal, like
// closing the page, ends the work on the server.
export async function fill(key, request, signal, onEvent) {
  const sent = { ...request, shapes: plain(request.shapes) };
  const response = await call(`/api/photos/${key}/fills`, { ...json(sent), signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      part = { done: true };
    }
    const lines = (rest + (part.value ?? "")).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const event = JSON.parse(line);
      if (event.event === "failed") throw new ApiError(event.status, event.error);
      if (["done", "cancelled"].includes(event.event)) return event;
      onEvent(event);
    }
    if (part.done) throw new ApiError(STOPPED, "The server stopped while it filled; your picture and what you marked are kept. Start it again with inpaint serve, then press Fill.");
  }
}

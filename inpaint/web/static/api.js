// Talking to the server: every failure becomes an Error whose message is meant for people.

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
    return new ApiError(response.status, `the server answered ${response.status}`);
  }
}

async function call(path, init = {}) {
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "the server does not answer; is inpaint serve still running?");
  }
  if (!response.ok) throw await failure(response);
  return response;
}

const json = (value) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(value),
});

const query = (values) => new URLSearchParams(
  Object.entries(values).map(([k, v]) => [k, typeof v === "string" ? v : JSON.stringify(v)]),
);

export async function about() {
  return (await call("/api/about")).json();
}

export async function openPhoto(file) {
  const headers = { "Content-Type": "application/octet-stream" };
  return (await call("/api/photos", { method: "POST", headers, body: file })).json();
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

export async function candidate(key, stack, side) {
  const response = await call(`/api/photos/${key}/candidate?${query({ stack, side })}`);
  const place = JSON.parse(response.headers.get("X-Place"));
  return { ...place, bitmap: await createImageBitmap(await response.blob()) };
}

export async function file(key, stack, format) {
  return (await call(`/api/photos/${key}/file?${query({ stack, format })}`)).blob();
}

// Fill, and hand on each event as it comes; returns the last one. Aborting the signal, like
// closing the page, ends the work on the server.
export async function fill(key, request, signal, onEvent) {
  const response = await call(`/api/photos/${key}/fills`, { ...json(request), signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const event = JSON.parse(line);
      if (event.event === "failed") throw new ApiError(event.status, event.error);
      if (["done", "cancelled"].includes(event.event)) return event;
      onEvent(event);
    }
    if (done) throw new ApiError(0, "the connection broke while filling; try again");
  }
}

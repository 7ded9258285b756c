import { describe, expect, it } from "vitest";
import { EventParser, type StreamEvent, readEvents } from "../src/api/events.js";

const stream = "id: 1\nevent: world\ndata: {\"id\":\ndata: 2}\n\n: here\n\nid: 2\r\ndata: x\r\n\r\n";

function parsed(pieces: string[]): StreamEvent[] {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

describe("server-sent events", () => {
  it("come out the same wherever the network cuts them", () => {
    const whole = parsed([stream]);
    expect(whole).toEqual([
      { name: "world", id: "1", data: '{"id":\n2}' },
      { name: "message", id: "2", data: "x" },
    ]);
    for (let cut = 1; cut < stream.length; cut += 1) {
      expect(parsed([stream.slice(0, cut), stream.slice(cut)]), `cut at ${cut}`).toEqual(whole);
    }
  });

  it("are read on from the last one after a loss, and a login that ended is told apart", async () => {
    const asked: (string | null)[] = [];
    const answers = [new Response("id: 7\ndata: x\n\n"), new Response("", { status: 401 })];
    const seen: string[] = [];
    await new Promise<void>((done) => {
      readEvents(
        {
          event: ({ id }) => seen.push(`event ${id}`),
          open: () => seen.push("open"),
          lost: () => seen.push("lost"),
          signedOut: done,
        },
        async (_, init) => {
          asked.push(new Headers(init?.headers).get("last-event-id"));
          return answers.shift() ?? new Response("", { status: 500 });
        },
      );
    });
    expect(seen).toEqual(["open", "event 7", "lost"]);
    expect(asked).toEqual([null, "7"]);
  });
});

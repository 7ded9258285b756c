/** What is over the picture: the loading screen, the refusal, the chat. All text is set as text. */

import type { ErrorCode, JoinFailure, Status } from "lifeboat";
import type { Line } from "./plaza.js";

type PageState = "loading" | "connecting" | "inWorld" | "refused";

const reasons: Partial<Record<ErrorCode, string>> = {
  access_denied: "This world is for members of its groups.",
  banned: "You are banned from this world.",
  guest_not_allowed: "This world does not admit guests.",
  world_not_found: "There is no such world.",
  base_version_mismatch: "Your client and this world are of different versions.",
  launch_context_required: "This client cannot be launched into this world.",
};

const waits: Partial<Record<ErrorCode, string>> = {
  world_not_active: "The world is not running at the moment. You will be let in once it is.",
  target_not_active: "The backup world is getting ready. You will be let in once it is.",
  world_full: "The world is full. You will be let in once a seat is free.",
  admission_paced: "People are let in one after another.",
  failover_held: "The move is on hold. You will be called.",
  unauthorized: "Your sign-in is not valid any more. Sign in again.",
};

const LINES_KEPT = 50;
const MESSAGE_KEPT_MS = 60_000;

function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  parent: HTMLElement,
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.className = className;
  parent.append(element);
  return element;
}

export class Screen {
  readonly picture: HTMLElement;
  readonly #cover: HTMLElement;
  readonly #title: HTMLElement;
  readonly #text: HTMLElement;
  readonly #countdown: HTMLElement;
  readonly #message: HTMLElement;
  readonly #again: HTMLButtonElement;
  readonly #lines: HTMLElement;
  readonly #place: HTMLElement;
  readonly #chat: HTMLFormElement;
  #until: number | null = null;
  #failure: JoinFailure | null = null;
  #progress: Progress | null = null;
  #messageTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(root: HTMLElement, say: (text: string) => void, leave: () => void) {
    this.picture = make("div", "picture", root);
    this.#place = make("p", "place", root);
    this.#place.setAttribute("role", "status");
    this.#lines = make("ol", "lines", root);
    this.#lines.setAttribute("aria-label", "Chat");
    this.#lines.setAttribute("role", "log");
    this.#chat = makeChat(root, say, leave);
    this.#cover = make("section", "cover", root);
    this.#cover.setAttribute("aria-live", "polite");
    make("div", "spinner", this.#cover).setAttribute("aria-hidden", "true");
    this.#title = make("h1", "cover-title", this.#cover);
    this.#text = make("p", "cover-text", this.#cover);
    this.#countdown = make("p", "countdown", this.#cover);
    this.#countdown.setAttribute("aria-live", "off");
    this.#message = make("p", "message", this.#cover);
    this.#again = make("button", "again", this.#cover);
    this.#again.textContent = "Try again";
    this.#again.onclick = () => location.reload();
    setInterval(() => this.#count(), 250);
  }

  /** Shows where the user is. */
  show(status: Status, wasIn: boolean): void {
    if (status.status === "connecting") this.#failure = null;
    if (status.status === "inWorld") this.#progress = null;
    const { state, title, text } = describe(status, wasIn, this.#failure);
    document.body.dataset.state = state;
    const isIn = state === "inWorld";
    this.#cover.hidden = isIn;
    this.#chat.hidden = !isIn;
    this.#again.hidden = state !== "refused";
    this.#title.textContent = title;
    this.#text.textContent = text;
    this.#until = status.status === "waiting" ? status.until : null;
    this.#count();
  }

  refused(failure: JoinFailure): void {
    this.#failure = failure;
  }

  /** How far the failover is that the user waits in. */
  progress(progress: Progress): void {
    this.#progress = progress;
    this.#count();
  }

  #count(): void {
    const seconds = this.#until === null ? 0 : Math.ceil((this.#until - Date.now()) / 1_000);
    // A turn is promised only where the server gives turns; else there is only another try.
    const isPaced = this.#failure?.code === "admission_paced";
    const turn = this.#progress !== null ? "called" : isPaced ? "asks" : "unknown";
    this.#countdown.textContent = countdown(this.#progress, seconds, turn);
  }

  /** A message of the organisers. */
  message(text: string): void {
    this.#message.textContent = text;
    clearTimeout(this.#messageTimer);
    this.#messageTimer = setTimeout(() => {
      this.#message.textContent = "";
    }, MESSAGE_KEPT_MS);
    this.line({ from: 0, name: "Organiser", text });
  }

  line({ name, text }: Line): void {
    const item = make("li", "", this.#lines);
    make("b", "", item).textContent = name;
    item.append(`: ${text}`);
    while (this.#lines.childElementCount > LINES_KEPT) this.#lines.firstElementChild?.remove();
    this.#lines.scrollTop = this.#lines.scrollHeight;
  }

  place(text: string): void {
    this.#place.textContent = text;
  }
}

function makeChat(
  root: HTMLElement,
  say: (text: string) => void,
  leave: () => void,
): HTMLFormElement {
  const form = make("form", "chat", root);
  const input = make("input", "", form);
  input.maxLength = 280;
  input.placeholder = "Say something";
  input.setAttribute("aria-label", "Say something");
  input.autocomplete = "off";
  make("button", "", form).textContent = "Say";
  const away = make("button", "", form);
  away.type = "button";
  away.textContent = "Leave";
  away.onclick = leave;
  form.onsubmit = (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (text !== "") say(text);
    input.value = "";
  };
  return form;
}

/** How many are over, as the server counts them. */
export interface Progress {
  over: number;
  present: number;
}

const numbers = new Intl.NumberFormat("en");

/**
 * How the turn comes: one is called, some seconds before one would ask by oneself; one asks, when
 * the server said to; or nobody knows.
 */
export type Turn = "called" | "asks" | "unknown";

const turns: Record<Turn, string> = {
  called: "you are next in at most",
  asks: "you are next in about",
  unknown: "next try in",
};

/** What is known of the wait: how many are over, and when it is one's turn. */
export function countdown(progress: Progress | null, seconds: number, turn: Turn): string {
  const over =
    progress && `${numbers.format(progress.over)} of ${numbers.format(progress.present)} are over`;
  const when = seconds > 0 ? `${turns[turn]} ${seconds} s` : null;
  const text = [over, when].filter((part) => part !== null).join(", ");
  return text === "" ? "" : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

interface Description {
  state: PageState;
  title: string;
  text: string;
}

const ends = {
  left: ["You left", "Come back whenever you like."],
  replaced: ["You are in elsewhere", "You came in from another place, and this one was closed."],
  kicked: ["You were removed", "An organiser ended your visit."],
} as const;

/** The status in words; nothing is promised that is not known. */
export function describe(
  status: Status,
  wasIn: boolean,
  failure: JoinFailure | null,
): Description {
  switch (status.status) {
    case "joining":
      return { state: "loading", title: "Loading", text: wasIn ? "Finding your world…" : "Joining…" };
    case "waiting": {
      const why = status.code ? waits[status.code] : undefined;
      const isSilent = failure !== null && failure.code === null;
      const other = isSilent
        ? "There is no answer at the moment. It is tried again."
        : wasIn
          ? "Your world has a problem, or is moving. You will be moved; stay here."
          : (failure?.detail ?? "You will be let in soon.");
      return { state: "loading", title: "Loading", text: why ?? other };
    }
    case "connecting":
      return { state: "connecting", title: "Loading", text: "Connecting to the world…" };
    case "inWorld":
      return { state: "inWorld", title: "", text: "" };
    case "refused":
      return {
        state: "refused",
        title: "You cannot enter",
        text: reasons[status.code] ?? failure?.detail ?? status.code.replaceAll("_", " "),
      };
    case "ended": {
      const [title, text] = ends[status.reason];
      return { state: "refused", title, text };
    }
  }
}

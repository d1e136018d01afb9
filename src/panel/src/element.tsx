/** The panel as an element for any page: <pattern-activity-panel job-id="JOB-…" api-base="https://…"> */
import { createRoot, type Root } from "react-dom/client";
import { PatternActivityPanel } from "./PatternActivityPanel";
import styles from "./panel.css?inline";

export { PatternActivityPanel };

/** The folder that this file was loaded from: where the server's own page has its routes. */
const HERE = new URL(/* @vite-ignore */ ".", import.meta.url).href.replace(/\/$/, "");

class PatternActivityPanelElement extends HTMLElement {
  static observedAttributes = ["job-id", "api-base", "trace-url"];
  private root: Root | null = null;

  connectedCallback(): void {
    const shadow = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(styles);
    shadow.adoptedStyleSheets = [sheet];
    this.root = createRoot(shadow);
    this.draw();
  }

  disconnectedCallback(): void {
    this.root?.unmount();
    this.root = null;
  }

  attributeChangedCallback(): void {
    this.draw();
  }

  private draw(): void {
    this.root?.render(
      <PatternActivityPanel
        jobId={this.getAttribute("job-id") ?? ""}
        apiBase={(this.getAttribute("api-base") ?? HERE).replace(/\/$/, "")}
        traceUrl={this.getAttribute("trace-url") ?? ""}
        keepAddress={this.hasAttribute("page")}
      />,
    );
  }
}

if (!customElements.get("pattern-activity-panel")) customElements.define("pattern-activity-panel", PatternActivityPanelElement);

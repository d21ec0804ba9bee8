/// The style sheet of the pages: light and dark, responsive from phone width up, without external assets.
enum PageStyle {
    static let css = """
        :root {
          color-scheme: light dark;
          --ground: #f4f4f6; --card: #ffffff; --ink: #16161a; --soft: #5b5d66; --line: #e2e3e8;
          --accent: #d6164a; --good: #0b7a4b; --wait: #8a5a00; --bad: #b3172f; --draft: #4a3fc0;
          --tint: 10%;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #0e0e11; --card: #1a1a1f; --ink: #f4f4f6; --soft: #a4a6b1; --line: #2c2d35;
            --accent: #ff5c83; --good: #4ade9b; --wait: #ffc457; --bad: #ff8093; --draft: #a79dff;
            --tint: 16%;
          }
        }
        * { box-sizing: border-box; }
        body {
          margin: 0; background: var(--ground); color: var(--ink);
          font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
        }
        a { color: inherit; }
        :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 6px; }
        header.bar {
          position: sticky; top: 0; z-index: 2; border-bottom: 1px solid var(--line);
          background: color-mix(in srgb, var(--ground) 88%, transparent); backdrop-filter: blur(14px);
        }
        header.bar > div {
          display: flex; align-items: center; gap: 12px; max-width: 880px; margin: 0 auto; padding: 10px 16px;
        }
        .avatar { width: 38px; height: 38px; border-radius: 50%; flex: none; }
        .who { flex: 1; min-width: 0; }
        .who h1 { margin: 0; font-size: 16px; line-height: 1.25; }
        .who p { margin: 0; color: var(--soft); font-size: 13px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
        .links { display: flex; gap: 14px; font-size: 14px; }
        main { max-width: 880px; margin: 0 auto; padding: 20px 16px 64px; }
        #feed { display: grid; gap: 28px; }
        article {
          display: grid; background: var(--card); border: 1px solid var(--line); border-radius: 22px; overflow: hidden;
          box-shadow: 0 10px 30px rgb(0 0 0 / 6%); scroll-margin-top: 76px;
        }
        .stage { background: #000; display: grid; place-items: center; aspect-ratio: 9 / 16; max-height: 78vh; width: 100%; }
        .stage video { width: 100%; height: 100%; object-fit: contain; display: block; min-height: 0; }
        .stage p { color: #b9bac4; padding: 24px; text-align: center; margin: 0; }
        .details { padding: 18px 20px 20px; display: flex; flex-direction: column; gap: 12px; min-width: 0; }
        .chips { display: flex; flex-wrap: wrap; gap: 8px; }
        .chip {
          --tone: var(--soft); color: var(--tone); background: color-mix(in srgb, var(--tone) var(--tint), transparent);
          border-radius: 999px; padding: 3px 11px; font-size: 13px; font-weight: 600;
        }
        .chip.good { --tone: var(--good); } .chip.wait { --tone: var(--wait); }
        .chip.bad { --tone: var(--bad); } .chip.draft { --tone: var(--draft); }
        .handle { margin: 0; font-weight: 700; font-size: 17px; }
        .caption { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 12.5em; overflow: auto; }
        .caption.none { color: var(--soft); font-style: italic; }
        .why {
          margin: 0; border-left: 3px solid var(--bad); padding: 8px 12px; border-radius: 0 10px 10px 0; font-size: 14px;
          background: color-mix(in srgb, var(--bad) var(--tint), transparent);
        }
        dl { display: grid; grid-template-columns: auto 1fr; gap: 3px 14px; margin: 0; font-size: 14px; }
        dt { color: var(--soft); }
        dd { margin: 0; min-width: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
        code, pre { font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, monospace; font-size: .88em; }
        button {
          font: inherit; font-weight: 650; color: #fff; background: #c9133f; border: 0; border-radius: 12px;
          padding: 11px 18px; cursor: pointer; min-height: 44px;
        }
        button:hover { background: #ad0f36; }
        button.plain { color: var(--ink); background: transparent; border: 1px solid var(--line); }
        button.plain:hover { background: color-mix(in srgb, var(--ink) 7%, transparent); }
        .arriving { list-style: none; margin: 0 0 20px; padding: 0; display: grid; gap: 8px; }
        .arriving:not(:has(li)) { display: none; }
        .arriving li {
          background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 10px 14px; font-size: 14px;
          display: grid; gap: 6px;
        }
        progress { width: 100%; height: 8px; accent-color: var(--accent); }
        .empty { text-align: center; padding: 9vh 8px; }
        .empty .screen {
          width: 92px; height: 164px; margin: 0 auto 22px; border-radius: 20px; border: 3px solid var(--line);
          display: grid; place-items: center; color: var(--accent); font-size: 34px; background: var(--card);
        }
        .empty h2 { margin: 0 0 6px; font-size: 22px; }
        .empty p { margin: 0 auto 18px; max-width: 46ch; color: var(--soft); }
        .empty pre {
          display: inline-block; max-width: 100%; overflow: auto; text-align: left; margin: 0 0 18px; padding: 14px 18px;
          background: var(--card); border: 1px solid var(--line); border-radius: 14px; color: var(--ink);
        }
        .consent { max-width: 460px; }
        .consent form, .notice {
          background: var(--card); border: 1px solid var(--line); border-radius: 22px; padding: 26px 24px; margin-top: 6vh;
        }
        .consent h1, .notice h1 { font-size: 22px; line-height: 1.3; margin: 0 0 8px; }
        .consent p { color: var(--soft); margin: 0 0 16px; }
        .consent fieldset { border: 0; margin: 0 0 18px; padding: 0; display: grid; gap: 4px; }
        .consent legend { font-weight: 650; margin-bottom: 6px; padding: 0; }
        .consent label {
          display: grid; grid-template-columns: auto 1fr; gap: 0 12px; padding: 10px 0; border-top: 1px solid var(--line);
        }
        .consent input { width: 20px; height: 20px; margin: 3px 0 0; accent-color: var(--accent); }
        .consent small { grid-column: 2; color: var(--soft); }
        .choices { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; }
        .visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
        @media (min-width: 700px) {
          article { grid-template-columns: min(360px, 44vh) 1fr; }
          .stage { max-height: none; }
          .details { padding: 24px 26px; justify-content: center; }
        }
        """
}

/// The HTML of the feed. The template library escapes all values except the style sheet and the script.
enum FeedTemplate {
    static let html = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{{title}}</title>
        <link rel="icon" href="/_sandbox/avatar.svg">
        <style nonce="{{nonce}}">{{{style}}}</style>
        </head>
        <body>
        <header class="bar"><div>
          <img class="avatar" src="/_sandbox/avatar.svg" alt="">
          <div class="who"><h1>{{nickname}}</h1><p id="summary" aria-live="polite">@{{handle}} · {{visibility}} · {{summary}}</p></div>
          <nav class="links" aria-label="Sandbox"><noscript><a href="/">reload</a></noscript><a href="/_sandbox/posts">posts</a><a href="/_sandbox/log">log</a></nav>
        </div></header>
        <main>
          <ul class="arriving" id="arriving" aria-label="Uploads in progress">
          {{#arriving}}
            <li><span>{{text}}</span><progress max="100" value="{{percent}}" aria-label="{{text}}">{{percent}} %</progress></li>
          {{/arriving}}
          </ul>
          <div id="feed">
          {{#posts}}
            <article id="{{id}}" data-state="{{state}}" aria-labelledby="{{id}}-handle">
              <div class="stage">
                {{#playable}}<video src="{{media}}" controls loop playsinline muted preload="metadata" aria-label="Video: {{label}}"></video>{{/playable}}
                {{^playable}}<p>{{placeholder}}</p>{{/playable}}
              </div>
              <div class="details">
                <div class="chips"><span class="chip {{tone}}">{{status}}</span>{{#chips}}<span class="chip">{{.}}</span>{{/chips}}</div>
                <h2 class="handle" id="{{id}}-handle">@{{handle}}</h2>
                {{#caption}}<p class="caption" tabindex="0">{{caption}}</p>{{/caption}}
                {{^caption}}<p class="caption none">{{noCaption}}</p>{{/caption}}
                {{#failure}}<p class="why"><code>{{reason}}</code><br>{{explanation}}</p>{{/failure}}
                <dl>
                {{#facts}}<dt>{{name}}</dt><dd>{{value}}</dd>{{/facts}}
                </dl>
                {{#canFinish}}<form method="post" action="/_sandbox/posts/{{publishId}}/finish"><button>Post it as the user would</button></form>{{/canFinish}}
              </div>
            </article>
          {{/posts}}
          {{^posts}}
            <div class="empty" id="empty">
              <div class="screen" aria-hidden="true">▶</div>
              <h2>Nothing posted yet</h2>
              <p>This is a local TikTok: nothing that you post here leaves this machine.</p>
              <pre>set -a; . "{{environmentFile}}"; set +a
        spreader-pipeline run pipelines/tiktok.json</pre>
              <p>Posts appear here automatically, a moment after their last byte arrives.</p>
            </div>
          {{/posts}}
          </div>
        </main>
        <script nonce="{{nonce}}">{{{script}}}</script>
        </body>
        </html>
        """

    /// Polls the page and replaces what has changed without interrupting a playing video; plays the video in view.
    static let script = """
        (() => {
          const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
          const watcher = new IntersectionObserver(entries => entries.forEach(({ target, intersectionRatio }) => {
            if (intersectionRatio < .5) target.pause(); else if (!calm) target.play().catch(() => {});
          }), { threshold: [0, .5, 1] });
          const watch = () => document.querySelectorAll('video').forEach(video => watcher.observe(video));
          const refresh = async () => {
            const page = new DOMParser().parseFromString(await (await fetch('/', { cache: 'no-store' })).text(), 'text/html');
            for (const id of ['summary', 'arriving']) document.getElementById(id).innerHTML = page.getElementById(id).innerHTML;
            const feed = document.getElementById('feed'), next = [...page.getElementById('feed').children];
            const kept = new Set(next.map(node => node.id));
            [...feed.children].forEach(node => { if (!kept.has(node.id)) node.remove(); });
            next.forEach((node, index) => {
              const old = document.getElementById(node.id);
              if (!old) { feed.insertBefore(node, feed.children[index] ?? null); return; }
              if (old.dataset.state === node.dataset.state) return;
              old.dataset.state = node.dataset.state;
              old.querySelector('.details')?.replaceWith(node.querySelector('.details'));
              if (!old.querySelector('video')) old.querySelector('.stage')?.replaceWith(node.querySelector('.stage'));
            });
            watch();
          };
          watch();
          setInterval(() => { if (!document.hidden) refresh().catch(() => {}); }, 1500);
        })();
        """
}

import Mustache

/// The page on which the user grants the app its scopes one by one.
struct ConsentPage: Sendable {
    private let consent: MustacheTemplate
    private let notice: MustacheTemplate

    init() throws {
        consent = try MustacheTemplate(string: Self.consentHTML)
        notice = try MustacheTemplate(string: Self.noticeHTML)
    }

    func render(_ request: ConsentRequest, settings: SandboxSettings, nonce: String) -> String {
        consent.render(
            [
                "nonce": nonce, "style": PageStyle.css, "clientKey": request.clientKey,
                "handle": settings.accountUsername,
                "redirect": request.redirectURI,
                "hidden": request.fields.map { ["name": $0.name, "value": $0.value] },
                "scopes": request.scopes.map { ["name": $0, "text": Self.explanation(of: $0)] },
            ] as [String: Any])
    }

    /// Renders an error that must not be redirected to the client, because its address cannot be trusted.
    func renderRefusal(_ text: String, nonce: String) -> String {
        notice.render(["nonce": nonce, "style": PageStyle.css, "text": text])
    }

    private static func explanation(of scope: String) -> String {
        switch scope {
        case "user.info.basic": "Read your profile info (avatar, display name)"
        case "user.info.profile": "Read your profile links, bio and verification"
        case "user.info.stats": "Read your follower, like and video counts"
        case "video.list": "Read your public videos"
        case "video.upload": "Share videos to your inbox as drafts"
        case "video.publish": "Post videos to your account"
        default: scope
        }
    }

    private static let head = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>TikTok sandbox: authorize</title>
        <link rel="icon" href="/_sandbox/avatar.svg">
        <style nonce="{{nonce}}">{{{style}}}</style>
        </head>

        """

    private static let consentHTML =
        head + """
            <body>
            <main class="consent">
            <form method="post" action="/v2/auth/authorize/">
              <h1>Let <code>{{clientKey}}</code> use @{{handle}}?</h1>
              <p>This is the local sandbox; no TikTok account is involved. You will be redirected to <code>{{redirect}}</code>.</p>
              {{#hidden}}<input type="hidden" name="{{name}}" value="{{value}}">{{/hidden}}
              <fieldset><legend>The app would like to</legend>
              {{#scopes}}<label><input type="checkbox" name="granted" value="{{name}}" checked><span>{{text}}</span><small>{{name}}</small></label>{{/scopes}}
              </fieldset>
              <div class="choices">
                <button class="plain" name="decision" value="deny">Cancel</button>
                <button name="decision" value="approve">Authorize</button>
              </div>
            </form>
            </main>
            </body>
            </html>
            """

    private static let noticeHTML =
        head + """
            <body>
            <main class="consent">
            <div class="notice"><h1>This request is invalid</h1><p>{{text}}</p></div>
            </main>
            </body>
            </html>
            """
}

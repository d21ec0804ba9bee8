import ArgumentParser
import Crypto
import Foundation
import PipelineKit
import Server
import SpreaderApp
import Store
import TikTok

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve TikTok's webhooks and the login for web apps.",
        discussion: """
            POST /webhook/tiktok receives TikTok's webhooks, so that a run waiting for its post ends without polling. \
            GET /auth/tiktok/login?account=NAME redirects a browser to TikTok's consent page, which returns to GET \
            /auth/tiktok/callback. Set TIKTOK_REDIRECT_URI to the public address of that callback; without it, there \
            is no login. Serves plain HTTP: put it behind a proxy that terminates TLS and decides who may log in.

            Examples:
              spreader-pipeline serve
              spreader-pipeline serve --host 0.0.0.0
            """)

    @Option(help: "Address to listen on.") var host = "127.0.0.1"
    @Option(help: "Port to listen on; 0 picks a free port.") var port = 8080
    @OptionGroup var database: DatabaseOption

    func run() async throws {
        let settings = try await Settings.load()
        do throws(StageError) {
            try await SignalHandler.cancelling { () async throws(StageError) in try await serve(settings) }
        } catch {
            if error.code != .cancelled { throw error }
        }
    }

    private func serve(_ settings: Settings) async throws(StageError) {
        let assembly = try await HostAssembly.open(settings, database: database.db)
        let desk = AccountService(settings: settings, assembly: assembly)
        let app = try desk.app()
        let claims = SQLClaims(assembly.store)
        let desks = WebhookHandler(
            settings: settings, assembly: assembly, claims: claims, logger: Log.make("serve", settings: settings))
        let webhooks = WebhookController(
            WebhookController.Host(
                secret: app.secret, tolerance: try tolerance(settings), now: assembly.store.clock.now,
                take: { (event) throws(StageError) in try await desks.take(event) }))
        let auth = try settings["TIKTOK_REDIRECT_URI"].map { (address) throws(StageError) in
            try controller(address, app.key, desk, claims)
        }
        try await WebServer(host: host, port: port).run(auth: auth, webhooks: webhooks) { port in
            Output.result("listening on http://\(host):\(port)")
        }
    }

    /// How far the signing time of a webhook may be from now.
    private func tolerance(_ settings: Settings) throws(StageError) -> Duration {
        guard let text = settings["TIKTOK_WEBHOOK_TOLERANCE"] else { return .seconds(300) }
        guard let tolerance = Duration(parsing: text), tolerance > .zero else {
            throw StageError(
                .configuration, "TIKTOK_WEBHOOK_TOLERANCE is \"\(text)\"", hint: "set it to a duration such as 5m")
        }
        return tolerance
    }

    private func controller(
        _ redirectURI: String, _ clientKey: String, _ desk: AccountService, _ claims: SQLClaims
    ) throws(StageError) -> TikTokAuthController {
        let settings = desk.settings
        return TikTokAuthController(
            TikTokAuthController.Host(
                clientKey: clientKey, authorizeURL: try TikTokConfiguration(settings: settings.plain).authorizeURL,
                redirectURI: redirectURI, scopes: desk.scopes, now: desk.assembly.store.clock.now,
                connect: { (login) throws(StageError) in
                    try await desk.connect(login.account, login.request, login.answer)
                },
                claim: { (state, end) throws(StageError) in
                    try await claims.take("login:\(ContentDigest.sha256(state.reveal()))", until: end)
                }),
            // All processes of the app share the vault key, and no other party has it.
            key: desk.assembly.sealer.derivedKey("login cookies"))
    }
}

import Hummingbird

/// Registers all endpoints of the sandbox.
enum SandboxRouter {
    static func make(engine: SandboxEngine, log: RequestLog, clock: MovableClock) throws -> Router<SandboxContext> {
        let router = Router(context: SandboxContext.self)
        router.add(middleware: HostGuard())
        let gateway = Gateway(engine: engine, log: log)
        OAuthRoutes(engine: engine, gateway: gateway).add(to: router)
        PublishRoutes(engine: engine, gateway: gateway).add(to: router)
        UploadRoutes(engine: engine, gateway: gateway).add(to: router)
        PartRoutes(engine: engine, gateway: gateway).add(to: router)
        ConsentRoutes(engine: engine, gateway: gateway, page: try ConsentPage()).add(to: router)
        ControlRoutes(engine: engine, log: log, clock: clock).add(to: router)
        PageRoutes(engine: engine, feed: try FeedPage()).add(to: router)
        return router
    }
}

import Foundation
import HTTPTypes
import Hummingbird

/// `/_sandbox/…`: endpoints that inspect and control the sandbox, for tests and people.
struct ControlRoutes {
    let engine: SandboxEngine
    let log: RequestLog
    let clock: MovableClock

    func add(to router: Router<SandboxContext>) {
        let engine = engine
        let log = log
        router.get("/_sandbox/posts") { _, _ in
            Answer.json(.array(await engine.arrivals().map(\.json))).response
        }
        router.get("/_sandbox/uploads") { _, _ in
            Answer.json(.array(await engine.openUploads())).response
        }
        router.get("/_sandbox/webhooks") { _, _ in
            Answer.json(.array(await engine.deliveries())).response
        }
        router.get("/_sandbox/log") { _, _ in
            var answer = Answer(status: 200, body: try log.contents())
            answer.headers[.contentType] = "application/x-ndjson; charset=utf-8"
            answer.headers[.cacheControl] = "no-store"
            return answer.response
        }
        router.get("/_sandbox/faults") { _, _ in Answer.json(engine.desk.plan.source).response }
        router.delete("/_sandbox/faults") { _, _ in
            engine.desk.replace(with: .none)
            return Answer.json(engine.desk.plan.source).response
        }
        let replace: @Sendable (Request, SandboxContext) async throws -> Response = { request, _ in
            do {
                engine.desk.replace(with: try FaultPlan(parsing: try await Incoming(request).collect(), name: "faults"))
                return Answer.json(engine.desk.plan.source).response
            } catch let error as SandboxError {
                return Answer.json(["error": .string(error.message), "hint": .string(error.hint ?? "")], status: 400)
                    .response
            } catch let error as APIError {
                return Answer.json(["error": .string(error.message)], status: error.status).response
            }
        }
        router.post("/_sandbox/clock") { [clock] request, _ in
            let body = (try? await Incoming(request).collect()).flatMap {
                try? JSONDecoder().decode(SandboxJSON.self, from: $0)
            }
            guard let seconds = body?["advance"]?.doubleValue, (0...1e9).contains(seconds) else {
                return Answer.json(["error": "takes {\"advance\": SECONDS}"], status: 400).response
            }
            let ahead = clock.advance(by: seconds)
            return Answer.json(["ahead": .number(ahead), "now": .string(clock.now.formatted(.iso8601))]).response
        }
        router.post("/_sandbox/tokens/expire") { _, _ in
            try await engine.expireAccessTokens()
            return Answer.json([:]).response
        }
        router.put("/_sandbox/faults", use: replace)
        router.post("/_sandbox/faults", use: replace)
        router.post("/_sandbox/posts/:id/finish") { _, context in
            guard let id = context.parameters.get("id")?.removingPercentEncoding else {
                return Response(status: .notFound)
            }
            do {
                try await engine.finishDraft(id)
            } catch is APIError {
                return Answer.text("no draft with this id is in the inbox\n", status: 409).response
            }
            return Response(status: .seeOther, headers: [.location: "/"])
        }
    }
}

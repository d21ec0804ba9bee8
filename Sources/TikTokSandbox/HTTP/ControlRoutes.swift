import Foundation
import HTTPTypes
import Hummingbird

/// `/_sandbox/…`: endpoints that inspect and control the sandbox, for tests and people.
struct ControlRoutes {
    let engine: SandboxEngine
    let log: RequestLog
    let clock: MovableClock

    func add(to router: Router<SandboxContext>) {
        addViews(to: router)
        addFaultPlan(to: router)
        addClock(to: router)
        addUserActions(to: router)
    }

    private func addViews(to router: Router<SandboxContext>) {
        router.get("/_sandbox/posts") { _, _ in
            EndpointResponse.json(.array(await engine.arrivedPosts().map(\.json)))
        }
        router.get("/_sandbox/uploads") { _, _ in
            EndpointResponse.json(.array(await engine.openUploads()))
        }
        router.get("/_sandbox/webhooks") { _, _ in
            EndpointResponse.json(.array(await engine.deliveries()))
        }
        router.get("/_sandbox/log") { _, _ in
            var response = EndpointResponse(status: 200, body: try log.contents())
            response.headers[.contentType] = "application/x-ndjson; charset=utf-8"
            response.headers[.cacheControl] = "no-store"
            return response
        }
    }

    private func addFaultPlan(to router: Router<SandboxContext>) {
        router.get("/_sandbox/faults") { _, _ in faultPlan }
        router.put("/_sandbox/faults", use: replaceFaultPlan)
        router.post("/_sandbox/faults", use: replaceFaultPlan)
        router.delete("/_sandbox/faults") { _, _ in
            engine.faults.replace(with: .none)
            return faultPlan
        }
    }

    private var faultPlan: EndpointResponse { .json(engine.faults.plan.source) }

    private func replaceFaultPlan(_ request: Request, context: SandboxContext) async throws -> EndpointResponse {
        do {
            let body = try await IncomingRequest(request).collect()
            engine.faults.replace(with: try FaultPlan(parsing: body, name: "faults"))
            return faultPlan
        } catch let error as SandboxError {
            return .json(["error": .string(error.message), "hint": .string(error.hint ?? "")], status: 400)
        } catch let error as APIError {
            return .json(["error": .string(error.message)], status: error.status)
        }
    }

    private func addClock(to router: Router<SandboxContext>) {
        router.post("/_sandbox/clock") { request, _ in
            let body = try? SandboxJSON(parsing: try await IncomingRequest(request).collect())
            guard let seconds = body?["advance"]?.doubleValue, (0...1e9).contains(seconds) else {
                return EndpointResponse.json(["error": "takes {\"advance\": SECONDS}"], status: 400)
            }
            let ahead = clock.advance(by: seconds)
            return EndpointResponse.json(["ahead": .number(ahead), "now": .string(clock.now.formatted(.iso8601))])
        }
    }

    /// Endpoints that act as the user in TikTok's app, or expire tokens.
    private func addUserActions(to router: Router<SandboxContext>) {
        router.post("/_sandbox/tokens/expire") { _, _ in
            try await engine.expireAccessTokens()
            return EndpointResponse.json([:])
        }
        router.post("/_sandbox/posts/:id/finish") { _, context in
            guard let id = context.parameters.get("id")?.removingPercentEncoding else {
                return Response(status: .notFound)
            }
            do {
                try await engine.finishDraft(id)
            } catch is APIError {
                return EndpointResponse.text("no draft with this id is in the inbox\n", status: 409).response
            }
            return Response(status: .seeOther, headers: [.location: "/"])
        }
    }
}

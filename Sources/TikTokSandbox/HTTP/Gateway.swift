import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Handles every request to the simulated API: applies faults, turns errors into responses, writes the request log.
struct Gateway: Sendable {
    /// Takes a request and the log id of its response.
    typealias Endpoint = @Sendable (IncomingRequest, _ logID: String) async throws -> EndpointResponse

    /// A request with all that is needed to answer it.
    private struct Exchange {
        var request: IncomingRequest
        let logID: String
        let endpoint: Endpoint
    }

    let engine: SandboxEngine
    let log: RequestLog

    /// The route handler that runs an endpoint unless a fault prevents it.
    func handler(_ endpoint: @escaping Endpoint) -> @Sendable (Request, SandboxContext) async throws -> Response {
        { request, context in try await serve(request, in: context, with: endpoint) }
    }

    private func serve(
        _ request: Request, in context: SandboxContext, with endpoint: @escaping Endpoint
    ) async throws -> Response {
        let request = IncomingRequest(request)
        let uploadID = request.query["upload_id"]
        let chunk = await engine.chunkNumber(
            uploadID: uploadID, contentRange: request.contentRange, part: request.query["part_number"])
        let actions = engine.faults.actions(path: request.path, method: request.method, chunk: chunk)
        let exchange = Exchange(request: request, logID: Identifiers.logID(at: engine.now()), endpoint: endpoint)
        do {
            for case .delay(let seconds) in actions { try await Task.sleep(for: .seconds(seconds)) }
            if let fault = actions.last, fault.isTerminal {
                return try await answer(exchange, in: context, applying: fault)
            }
            let response = try await respond(to: exchange)
            logRequest(request, response, fault: actions.first)
            return response.response
        } catch is IncomingFault {
            var response = EndpointResponse(status: 499)
            response.publishID = await engine.publishID(uploadID: uploadID)
            logRequest(request, response, fault: actions.last)
        } catch is CancellationError {
            // The server is stopping.
        }
        return closeConnection(of: context)
    }

    /// Runs the endpoint and turns errors into responses.
    private func respond(to exchange: Exchange) async throws -> EndpointResponse {
        let logID = exchange.logID
        var response: EndpointResponse
        do {
            response = try await exchange.endpoint(exchange.request, logID)
        } catch let error as APIError {
            response = .envelope(error, logID: logID)
        } catch let error as OAuthError {
            response = .oauth(error, logID: logID, always200: engine.faults.settings.oauthErrorsAnswer200)
        } catch let refusal as UploadRefusal {
            response = .upload(refusal)
        } catch let error as IncomingFault {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            engine.logger.error(
                "a request failed", metadata: ["path": "\(exchange.request.path)", "error": "\(error)"])
            response = .envelope(
                APIError(status: 500, code: "internal_error", message: "Something went wrong in the sandbox."),
                logID: logID)
        }
        if let header = HTTPField.Name("x-tt-logid") { response.headers[header] = logID }
        return response
    }

    private func logRequest(_ request: IncomingRequest, _ response: EndpointResponse, fault: FaultAction?) {
        do {
            try log.append(RequestLog.Entry(of: request, response: response, fault: fault, at: engine.now()))
        } catch {
            engine.logger.error("cannot write the request log", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Faults

    /// Answers a request as the fault demands, and logs it.
    private func answer(
        _ exchange: Exchange, in context: SandboxContext, applying fault: FaultAction
    ) async throws -> Response {
        let response = try await respond(to: exchange, applying: fault)
        logRequest(exchange.request, response, fault: fault)
        switch fault {
        case .answer, .delay, .dropMidBody, .garbage: return response.response
        case .halfBody: return half(of: response, in: context)
        case .dropBefore, .dropAfter: return closeConnection(of: context)
        case .hang(let seconds):
            try await Task.sleep(for: .seconds(seconds))
            return closeConnection(of: context)
        }
    }

    /// The response that the fault makes of the endpoint's. Status 0 if the endpoint must not run.
    private func respond(to exchange: Exchange, applying fault: FaultAction) async throws -> EndpointResponse {
        switch fault {
        case .delay, .dropAfter:
            return try await respond(to: exchange)
        case .dropBefore, .hang:
            return EndpointResponse(status: 0)
        case .dropMidBody(let bytes):
            var exchange = exchange
            exchange.request.dropAfter = max(1, bytes)
            return try await respond(to: exchange)
        case .answer(let answer):
            let original = try await respond(to: exchange, handled: answer.handled)
            let error = APIError(status: answer.status, code: answer.code, message: answer.message)
            var response = EndpointResponse.envelope(error, logID: exchange.logID)
            response.publishID = original.publishID
            for (name, value) in answer.headers {
                if let field = HTTPField.Name(name) { response.headers[field] = value }
            }
            return response
        case .garbage(let isHandled):
            let original = try await respond(to: exchange, handled: isHandled)
            var response = EndpointResponse(status: 200)
            response.publishID = original.publishID
            response.headers[.contentType] = "text/html"
            response.body = Data("<html><body>\u{FFFD}\u{1} upstream connect error".utf8)
            return response
        case .halfBody(let isHandled):
            var response = try await respond(to: exchange, handled: isHandled)
            if response.body.isEmpty { response.body = Data(#"{"data":{"publish_id":"#.utf8) }
            return response
        }
    }

    /// The endpoint's response if the request takes effect. Otherwise discards the request's body.
    private func respond(to exchange: Exchange, handled: Bool) async throws -> EndpointResponse {
        if handled { return try await respond(to: exchange) }
        try await exchange.request.drain()
        return EndpointResponse(status: 200)
    }

    /// Closes the connection. The returned response is never sent.
    private func closeConnection(of context: SandboxContext) -> Response {
        context.channel.close(mode: .all, promise: nil)
        return Response(status: .internalServerError)
    }

    /// Sends half of a body after announcing its whole length, then closes the connection.
    private func half(of response: EndpointResponse, in context: SandboxContext) -> Response {
        let piece = ByteBuffer(bytes: response.body.prefix(response.body.count / 2))
        var half = response.response
        half.body = ResponseBody(contentLength: response.body.count) { writer in
            try await writer.write(piece)
            try await context.channel.close(mode: .all)
        }
        return half
    }
}

extension Router<SandboxContext> {
    /// Registers an endpoint under a path of TikTok's, whose trailing slash is required although the router ignores it.
    func get(exactly path: String, through gateway: Gateway, endpoint: @escaping Gateway.Endpoint) {
        get(RouterPath(path), use: gateway.handler(Self.exact(path, endpoint)))
    }

    /// Registers an endpoint under a path of TikTok's, whose trailing slash is required although the router ignores it.
    func post(exactly path: String, through gateway: Gateway, endpoint: @escaping Gateway.Endpoint) {
        post(RouterPath(path), use: gateway.handler(Self.exact(path, endpoint)))
    }

    private static func exact(_ path: String, _ endpoint: @escaping Gateway.Endpoint) -> Gateway.Endpoint {
        { request, logID in
            guard request.path == path else { throw APIError.unsupportedPath }
            return try await endpoint(request, logID)
        }
    }
}

extension RequestLog.Entry {
    fileprivate init(of request: IncomingRequest, response: EndpointResponse, fault: FaultAction?, at now: Date) {
        time = now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        method = request.method
        path = request.path
        range = request.contentRange
        status = response.status
        publishId = response.publishID
        code = response.code
        self.fault = fault?.name
    }
}

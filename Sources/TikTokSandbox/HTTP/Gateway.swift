import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Handles every request to the simulated API: applies faults, turns errors into responses, writes the request log.
struct Gateway: Sendable {
    /// Takes a request and the log id of its response.
    typealias Endpoint = @Sendable (Incoming, _ logID: String) async throws -> Answer

    let engine: SandboxEngine
    let log: RequestLog

    /// Runs the endpoint for a request unless a fault prevents it.
    func serve(_ request: Request, _ context: SandboxContext, _ endpoint: Endpoint) async throws -> Response {
        var incoming = Incoming(request)
        let chunk = await engine.chunkNumber(
            uploadID: incoming.query["upload_id"], contentRange: incoming.contentRange,
            part: incoming.query["part_number"])
        let actions = engine.desk.actions(path: incoming.path, method: incoming.method, chunk: chunk)
        let logID = Identifiers.logID(at: engine.now())
        var answer = Answer(status: 0)
        do {
            for case .delay(let seconds) in actions { try await Task.sleep(for: .seconds(seconds)) }
            guard let fault = actions.last, fault.isTerminal else {
                answer = try await respond(incoming, logID, endpoint)
                note(incoming, answer, fault: actions.first)
                return answer.response
            }
            return try await play(fault, &incoming, context, logID, endpoint)
        } catch is IncomingFault {
            answer.status = 499
            answer.publishID = await engine.publishID(uploadID: incoming.query["upload_id"])
            note(incoming, answer, fault: actions.last)
        } catch is CancellationError {
            // The server is stopping.
        }
        return hangUp(context)
    }

    private func play(
        _ fault: FaultAction, _ incoming: inout Incoming, _ context: SandboxContext, _ logID: String,
        _ endpoint: Endpoint
    ) async throws -> Response {
        func handled(_ isHandled: Bool) async throws -> Answer {
            if isHandled { return try await respond(incoming, logID, endpoint) }
            try await incoming.drain()
            return Answer(status: 200)
        }
        var answer = Answer(status: 0)
        switch fault {
        case .delay:
            answer = try await respond(incoming, logID, endpoint)
        case .answer(let wanted):
            let real = try await handled(wanted.handled)
            answer = Answer.envelope(APIError(wanted.status, wanted.code, wanted.message), logID: logID)
            answer.publishID = real.publishID
            for (name, value) in wanted.headers {
                if let field = HTTPField.Name(name) { answer.headers[field] = value }
            }
        case .dropBefore:
            note(incoming, answer, fault: fault)
            return hangUp(context)
        case .dropAfter:
            answer = try await respond(incoming, logID, endpoint)
            note(incoming, answer, fault: fault)
            return hangUp(context)
        case .dropMidBody(let bytes):
            incoming.dropAfter = max(1, bytes)
            answer = try await respond(incoming, logID, endpoint)
        case .garbage(let isHandled):
            answer.publishID = try await handled(isHandled).publishID
            answer.status = 200
            answer.headers[.contentType] = "text/html"
            answer.body = Data("<html><body>\u{FFFD}\u{1} upstream connect error".utf8)
        case .halfBody(let isHandled):
            answer = try await handled(isHandled)
            if answer.body.isEmpty { answer.body = Data(#"{"data":{"publish_id":"#.utf8) }
            note(incoming, answer, fault: fault)
            return half(answer, context)
        case .hang(let seconds):
            note(incoming, answer, fault: fault)
            try await Task.sleep(for: .seconds(seconds))
            return hangUp(context)
        }
        note(incoming, answer, fault: fault)
        return answer.response
    }

    /// Runs the endpoint and turns errors into responses.
    private func respond(_ incoming: Incoming, _ logID: String, _ endpoint: Endpoint) async throws -> Answer {
        var answer: Answer
        do {
            answer = try await endpoint(incoming, logID)
        } catch let error as APIError {
            answer = .envelope(error, logID: logID)
        } catch let error as OAuthError {
            answer = .oauth(error, logID: logID, always200: engine.desk.settings.oauthErrorsAnswer200)
        } catch let refusal as UploadRefusal {
            answer = .upload(refusal)
        } catch let error as IncomingFault {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            engine.logger.error("a request failed", metadata: ["path": "\(incoming.path)", "error": "\(error)"])
            answer = .envelope(APIError(500, "internal_error", "Something went wrong in the sandbox."), logID: logID)
        }
        if let header = HTTPField.Name("x-tt-logid") { answer.headers[header] = logID }
        return answer
    }

    private func note(_ incoming: Incoming, _ answer: Answer, fault: FaultAction?) {
        let entry = RequestLog.Entry(
            time: engine.now().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)),
            method: incoming.method, path: incoming.path, range: incoming.contentRange, status: answer.status,
            publishId: answer.publishID, code: answer.code, fault: fault?.name)
        do {
            try log.append(entry)
        } catch {
            engine.logger.error("cannot write the request log", metadata: ["error": "\(error)"])
        }
    }

    /// Closes the connection. The returned response is never sent.
    private func hangUp(_ context: SandboxContext) -> Response {
        context.channel.close(mode: .all, promise: nil)
        return Response(status: .internalServerError)
    }

    /// Sends half of a body after announcing its whole length, then closes the connection.
    private func half(_ answer: Answer, _ context: SandboxContext) -> Response {
        let piece = ByteBuffer(bytes: answer.body.prefix(answer.body.count / 2))
        var response = answer.response
        response.body = ResponseBody(contentLength: answer.body.count) { writer in
            try await writer.write(piece)
            try await context.channel.close(mode: .all)
        }
        return response
    }
}

import PipelineKit
import PluginProtocol
import Posting

extension RequestContext {
    /// For checking, with what the host knows of the account.
    static func checking(_ context: CheckContext) -> RequestContext {
        var request = RequestContext(context)
        request.accountProblem = context.credentials.problem(with: context.account)
        return request
    }

    /// For running, with the post's identity.
    /// - Parameter sharesPlan: Whether the child is this program, which knows what plans give.
    static func running(_ context: StageContext, sharesPlan: Bool) -> RequestContext {
        var request = RequestContext(context)
        request.postKey = try? JSONValue(encoding: context.postKey)
        if sharesPlan { request.planned = try? context.planned.map { try JSONValue(encoding: $0) } }
        return request
    }
}

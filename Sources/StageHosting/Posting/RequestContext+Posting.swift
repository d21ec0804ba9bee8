import PipelineKit
import PluginProtocol
import Posting

extension RequestContext {
    /// The context of a `check` request, with the problem of the account's credentials.
    static func checking(_ context: CheckContext) -> RequestContext {
        var request = RequestContext(context)
        request.accountProblem = context.credentials.problem(with: context.account)
        return request
    }

    /// The context of a `run` request, with the key of the asset's post.
    /// - Parameter sharesPlan: Whether the child is this program, which knows what plans give.
    static func running(_ context: StageContext, sharesPlan: Bool) -> RequestContext {
        var request = RequestContext(context)
        request.postKey = try? JSONValue(encoding: context.postKey)
        if sharesPlan { request.planned = try? context.planned.map { try JSONValue(encoding: $0) } }
        return request
    }
}

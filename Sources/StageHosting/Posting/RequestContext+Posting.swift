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
    static func running(_ context: StageContext) -> RequestContext {
        var request = RequestContext(context)
        request.postKey = try? JSONValue(encoding: context.postKey)
        return request
    }
}

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
    static func running(_ context: StageContext) -> RequestContext {
        var request = RequestContext(context)
        request.postKey = try? JSONValue(encoding: context.postKey)
        return request
    }
}

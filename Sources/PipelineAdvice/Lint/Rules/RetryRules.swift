import PipelineFile
import PipelineKit

/// Rules about retries and timeouts without the intended effect.
enum RetryRules {
    static let all = [noRetry, retryWithoutEffect, timeoutBelowWait]

    static let noRetry = LintRule(
        code: "no-retry", "A stage that uses the network fails at the first error."
    ) { subject in
        subject.steps.compactMap { step in
            guard step.stage.type.resource == .network, step.stage.retry.attempts == 1,
                let attempts = step.node.member("retry")?.value.member("attempts")
            else { return nil }
            return LintAdvice(
                "`\(step.stage.id)` uses the network and has only one attempt: a lost connection fails the asset",
                hint: "remove \"retry\" to use 5 attempts; requests that are unsafe to repeat are never repeated",
                at: attempts.value.location, pointer: "\(step.pointer)/retry/attempts")
        }
    }

    static let retryWithoutEffect = LintRule(
        code: "retry-without-effect", "A stage that only computes is never retried."
    ) { subject in
        subject.steps.compactMap { step in
            guard step.stage.type.resource != .network, step.stage.type.effect == .pure,
                step.stage.retry.attempts > 1, let attempts = step.node.member("retry")?.value.member("attempts")
            else { return nil }
            return LintAdvice(
                "`\(step.stage.id)` only computes: it would fail again in the same way, so it is never retried",
                hint: "remove \"attempts\"", at: attempts.value.location, pointer: "\(step.pointer)/retry/attempts")
        }
    }

    static let timeoutBelowWait = LintRule(
        code: "timeout-below-wait", "A stage times out before its \"wait\" ends."
    ) { subject in
        subject.steps.compactMap { step in
            guard let timeout = step.stage.timeout, let member = step.node.member("timeout"),
                let text = step.value("wait"), let wait = try? Duration.parse(text), timeout < wait
            else { return nil }
            return LintAdvice(
                "`\(step.stage.id)` times out after \(timeout.spoken), before its \"wait\" of \(wait.spoken) ends",
                hint: "lower \"wait\", which records the last known state when it ends, and remove \"timeout\"",
                at: member.value.location, pointer: "\(step.pointer)/timeout")
        }
    }
}

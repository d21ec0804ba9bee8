import PipelineFile
import PipelineKit

/// Attempts and time limits that don't do what they seem to.
enum RetryRules {
    static let all = [noRetry, retryWithoutEffect, timeoutBelowWait]

    static let noRetry = LintRule(
        code: "no-retry", "A stage that uses the network gives up at the first failure."
    ) { subject in
        subject.steps.compactMap { step in
            guard step.stage.type.resource == .network, step.stage.retry.attempts == 1,
                let attempts = step.written.member("retry")?.value.member("attempts")
            else { return nil }
            return LintAdvice(
                "`\(step.stage.id)` uses the network and has one attempt: a lost connection fails the asset",
                hint: "leave \"retry\" out for 5 attempts: what can't be repeated safely never is",
                at: attempts.value.location, pointer: "\(step.pointer)/retry/attempts")
        }
    }

    static let retryWithoutEffect = LintRule(
        code: "retry-without-effect", "A stage that only computes would fail again in the same way."
    ) { subject in
        subject.steps.compactMap { step in
            guard step.stage.type.resource != .network, step.stage.type.effect == .pure,
                step.stage.retry.attempts > 1, let attempts = step.written.member("retry")?.value.member("attempts")
            else { return nil }
            return LintAdvice(
                "`\(step.stage.id)` only computes: what fails once fails again, and is not tried again",
                hint: "remove \"attempts\"", at: attempts.value.location, pointer: "\(step.pointer)/retry/attempts")
        }
    }

    static let timeoutBelowWait = LintRule(
        code: "timeout-below-wait", "A stage is ended before it has waited as long as its option says."
    ) { subject in
        subject.steps.compactMap { step in
            guard let timeout = step.stage.timeout, let member = step.written.member("timeout"),
                let text = step.value("wait"), let wait = try? Duration.parse(text), timeout < wait
            else { return nil }
            return LintAdvice(
                "`\(step.stage.id)` is ended after \(timeout.spoken), before its \"wait\" of \(wait.spoken) is over",
                hint: "lower \"wait\", which also records what is known by then, and remove \"timeout\"",
                at: member.value.location, pointer: "\(step.pointer)/timeout")
        }
    }
}

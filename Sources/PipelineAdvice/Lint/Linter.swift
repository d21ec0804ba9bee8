package import Foundation
package import PipelineEngine
package import PipelineFile
package import PipelineKit

/// Gives advice about a pipeline that works, or will once its errors are mended.
package struct Linter: Sendable {
    /// Every rule, by code.
    package static let rules: [LintRule] =
        (UnusedRules.all + PostingRules.all + RetryRules.all + PictureRules.all + PathRules.all + SecretRule.all
        + FileRules.all).sorted { $0.code < $1.code }

    /// What the advice is about.
    private let subject: LintSubject
    private let allowed: Set<String>
    /// Hides the file's secrets in what is said of it.
    package let mask: SecretMask

    /// A linter.
    /// - Parameters:
    ///   - text: The file's content.
    ///   - file: Its name.
    ///   - pipeline: What the check made of it; nil when it has errors, which leaves the rules that need none.
    ///   - stages: The stages that pipelines can have, which tell what options are secret.
    ///   - environment: Values for `${NAME}`.
    ///   - assets: The footage that was found.
    ///   - plans: What would become of it.
    ///   - allowed: Codes that nobody wants to hear of.
    ///   - now: The present moment.
    package init(
        _ text: String, file: String, pipeline: Pipeline?, stages: [StageType] = [],
        environment: @escaping @Sendable (String) -> String?,
        assets: [AssetInput] = [], plans: [AssetPlan] = [], allowing allowed: Set<String> = [], now: Date = Date()
    ) {
        let written = DocumentLoader.load(text, file: file).root
        subject = LintSubject(
            file: file, written: written, filled: written.map { Substitution(value: environment).apply(to: $0).node },
            pipeline: pipeline, stages: stages.isEmpty ? pipeline?.stages.map(\.type) ?? [] : stages, assets: assets,
            plans: plans, now: now)
        self.allowed = allowed
        mask = SecretMask(hiding: written, stages: subject.stages, environment: environment)
    }

    /// Codes of warnings that the checks themselves give, and that nobody need hear of either.
    package static let warnings = [
        "glued-hashtag", "growing-footage", "missing-font", "plugin-environment", "plugin-manifest", "plugin-twice",
        "same-title",
    ]

    /// All advice, in the order of the file.
    package func findings() -> [Diagnostic] {
        Self.rules.filter { !allowed.contains($0.code) }.flatMap { $0.findings(in: subject) }
            .sorted { left, right in
                (left.location?.line ?? 0, left.location?.column ?? 0, left.code) < (
                    right.location?.line ?? 0, right.location?.column ?? 0, right.code
                )
            }
    }
}

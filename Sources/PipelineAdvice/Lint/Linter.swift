package import Foundation
package import PipelineEngine
package import PipelineFile
package import PipelineKit

/// Runs all lint rules on a pipeline file.
package struct Linter: Sendable {
    /// All rules, sorted by code.
    package static let rules: [LintRule] =
        (UnusedRules.all + PostingRules.all + RetryRules.all + PictureRules.all + PathRules.all + SecretRule.all
        + FileRules.all).sorted { $0.code < $1.code }

    private let subject: LintSubject
    private let allowed: Set<String>
    /// Masks the secrets of the file in messages and source lines.
    package let mask: SecretMask

    /// Creates a linter for one file.
    /// - Parameters:
    ///   - text: The content of the file.
    ///   - file: The path as the user gave it.
    ///   - pipeline: The checked pipeline; nil if it has errors. Most rules then find nothing.
    ///   - stages: The known stages, which declare the secret options; by default those of `pipeline`.
    ///   - environment: Values for `${NAME}`.
    ///   - assets: The footage.
    ///   - plans: The plans of the footage.
    ///   - allowed: Codes to suppress.
    ///   - now: The current time.
    package init(
        _ text: String, file: String, pipeline: Pipeline?, stages: [StageDefinition] = [],
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

    /// Codes of warnings from the pipeline checks that `--allow` can suppress, too.
    package static let warnings = [
        "glued-hashtag", "growing-footage", "missing-font", "plugin-environment", "plugin-manifest", "plugin-twice",
        "same-title",
    ]

    /// The findings of all rules, in the order of the file.
    package func findings() -> [Diagnostic] {
        Self.rules.filter { !allowed.contains($0.code) }.flatMap { $0.findings(in: subject) }
            .sorted { left, right in
                (left.location?.line ?? 0, left.location?.column ?? 0, left.code) < (
                    right.location?.line ?? 0, right.location?.column ?? 0, right.code
                )
            }
    }
}

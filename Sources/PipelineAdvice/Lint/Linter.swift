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
    /// Masks the secrets of the file in messages and source lines.
    package let mask: SecretMask

    /// Creates a linter for one file.
    /// - Parameters:
    ///   - document: The file.
    ///   - pipeline: The checked pipeline; nil if it has errors. Most rules then find nothing.
    ///   - stages: The known stages, which declare the secret options; by default those of `pipeline`.
    ///   - environment: Values for `${NAME}`.
    ///   - assets: The footage.
    ///   - plans: The plans of the footage.
    ///   - now: The current time.
    package init(
        _ document: PipelineDocument, pipeline: Pipeline?, stages: [StageDefinition] = [],
        environment: @escaping @Sendable (String) -> String?, assets: [AssetInput] = [], plans: [AssetPlan] = [],
        now: Date = Date()
    ) {
        subject = LintSubject(
            document: document, pipeline: pipeline,
            stages: stages.isEmpty ? pipeline?.stages.map(\.type) ?? [] : stages, assets: assets, plans: plans, now: now
        )
        mask = SecretMask(hiding: document, stages: subject.stages, environment: environment)
    }

    /// Codes of warnings from the pipeline checks that `--allow` can suppress, too.
    package static let warnings = [
        "glued-hashtag", "growing-footage", "missing-font", "plugin-environment", "plugin-manifest", "plugin-twice",
        "same-title",
    ]

    /// The findings of all rules, in the order of the file.
    /// - Parameter allowed: Codes to suppress.
    package func findings(allowing allowed: Set<String> = []) -> [Diagnostic] {
        Self.rules.filter { !allowed.contains($0.code) }.flatMap { $0.findings(in: subject) }
            .sorted { left, right in
                (left.location?.line ?? 0, left.location?.column ?? 0, left.code) < (
                    right.location?.line ?? 0, right.location?.column ?? 0, right.code
                )
            }
    }
}

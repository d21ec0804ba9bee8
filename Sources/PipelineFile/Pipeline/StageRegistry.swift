public import PipelineKit

/// The stages that pipelines can use.
public struct StageRegistry: Sendable {
    /// The usable stages, sorted by name.
    public let stages: [StageDefinition]
    /// Plugin stages that can't be used, by name, with the reason.
    public let unusable: [String: StageError]
    /// Converts a stage type to one that runs in a child process, for `"isolate": true`.
    public let isolated: @Sendable (StageDefinition) -> StageDefinition

    public init(
        _ stages: [StageDefinition], unusable: [String: StageError] = [:],
        isolated: @escaping @Sendable (StageDefinition) -> StageDefinition = { $0 }
    ) {
        self.stages = stages.sorted { $0.name < $1.name }
        self.unusable = unusable
        self.isolated = isolated
    }

    /// The stage with that name; nil if it is unknown or unusable.
    public func stage(named name: String) -> StageDefinition? { stages.first { $0.name.rawValue == name } }

    /// The shortest sequence of stages that converts one kind of artifact to another; nil if there is none.
    public func path(from: ArtifactKind, to: ArtifactKind) -> [StageDefinition]? {
        var frontier: [(kind: ArtifactKind, row: [StageDefinition])] = [(from, [])]
        var seen: Set<ArtifactKind> = [from]
        while !frontier.isEmpty {
            var next: [(kind: ArtifactKind, row: [StageDefinition])] = []
            for (kind, row) in frontier {
                if kind == to { return row }
                for stage in stages where stage.input == kind && seen.insert(stage.handsOn).inserted {
                    next.append((stage.handsOn, row + [stage]))
                }
            }
            frontier = next
        }
        return nil
    }
}

public import PipelineKit

/// The stages that pipelines can use.
public struct StageRegistry: Sendable {
    /// The usable stages, sorted by name.
    public let stages: [StageType]
    /// Plugin stages that can't be used, by name, with the reason.
    public let unusable: [String: StageError]
    /// Converts a stage type to one that runs in a child process, for `"isolate": true`.
    public let isolated: @Sendable (StageType) -> StageType

    public init(
        _ stages: [StageType], unusable: [String: StageError] = [:],
        isolated: @escaping @Sendable (StageType) -> StageType = { $0 }
    ) {
        self.stages = stages.sorted { $0.name < $1.name }
        self.unusable = unusable
        self.isolated = isolated
    }

    /// The stage with that name; nil if it is unknown or unusable.
    public func stage(named name: String) -> StageType? { stages.first { $0.name.rawValue == name } }

    /// The shortest sequence of stages that converts one kind of artifact to another; nil if there is none.
    public func path(from: ArtifactKind, to: ArtifactKind) -> [StageType]? {
        var frontier: [(kind: ArtifactKind, row: [StageType])] = [(from, [])]
        var seen: Set<ArtifactKind> = [from]
        while !frontier.isEmpty {
            var next: [(kind: ArtifactKind, row: [StageType])] = []
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

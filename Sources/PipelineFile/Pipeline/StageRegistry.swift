public import PipelineKit

/// The stages that pipelines can name: one explicit list, sorted by name.
public struct StageRegistry: Sendable {
    /// All stages by name.
    public let stages: [StageType]
    /// Why stages that plugins offer can't be had, by name.
    public let unusable: [String: StageError]
    /// A stage whose work is done in a child process, whatever is usual for it.
    public let isolated: @Sendable (StageType) -> StageType

    /// A registry.
    public init(
        _ stages: [StageType], unusable: [String: StageError] = [:],
        isolated: @escaping @Sendable (StageType) -> StageType = { $0 }
    ) {
        self.stages = stages.sorted { $0.name < $1.name }
        self.unusable = unusable
        self.isolated = isolated
    }

    /// The stage of that name.
    public func stage(named name: String) -> StageType? { stages.first { $0.name.rawValue == name } }

    /// The shortest row of stages that leads from one kind of artifact to another; nil when there is none.
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

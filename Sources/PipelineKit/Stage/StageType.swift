/// A stage type without its type: what a registry holds and the runner works with.
public struct StageType: Sendable {
    /// The name in pipeline files.
    public let name: StageName
    /// One sentence.
    public let summary: String
    /// Part of the key for reuse.
    public let version: Int
    /// What running it twice would do.
    public let effect: Effect
    /// What it mostly uses.
    public let resource: Resource
    /// The plugin that it comes from, with its version; nil for linked-in stages.
    public let origin: String?
    /// What changes with the plugin's files, with its name and version: part of the key for reuse.
    package let mark: String?
    /// What it takes.
    public let input: ArtifactKind
    /// What it gives.
    public let output: ArtifactKind
    /// What the stage behind it takes, once for each element, when it gives a list; nil when it gives one thing.
    public private(set) var element: ArtifactKind?
    /// Its options.
    public let options: [OptionDescriptor]
    /// JSON Schema of the options object.
    public let optionsSchema: JSONValue
    /// All that is wrong with an object of options.
    public let findings: @Sendable ([String: JSONValue]) -> [OptionFinding]
    /// Makes the stage from options that have no findings.
    public private(set) var make: @Sendable ([String: JSONValue]) throws(StageError) -> AnyStage
    /// Reads an artifact of the kind that the stage takes.
    public let decodeInput: @Sendable (JSONValue) throws -> any Artifact
    /// Reads an artifact of the kind that the stage gives back from the journal.
    public let decodeOutput: @Sendable (JSONValue) throws -> any Artifact

    /// Erases `type`.
    public init<S: Stage>(_ type: S.Type) {
        name = S.name
        summary = S.summary
        version = S.version
        effect = S.effect
        resource = S.resource
        origin = nil
        mark = nil
        input = S.Input.kind
        output = S.Output.kind
        element = (S.Output.self as? any ArtifactList.Type).map { Self.elementKind(of: $0) }
        options = S.Options.descriptors
        optionsSchema = S.Options.schema
        findings = { S.Options.findings(in: $0) }
        decodeInput = { try $0.decode(S.Input.self) }
        decodeOutput = { try $0.decode(S.Output.self) }
        make = { (object) throws(StageError) in
            let options: S.Options
            do throws(OptionProblem) {
                options = try S.Options.make(from: object)
            } catch {
                throw StageError(.invalidOption, error.message, hint: error.hint)
            }
            return AnyStage(try S(options: options), options: options.values)
        }
    }

    /// A stage that another process works for.
    /// - Parameters:
    ///   - description: What that process says of it.
    ///   - origin: The plugin and its version.
    ///   - mark: What changes with the plugin's files.
    ///   - options: Its options as the description's schema tells.
    ///   - findings: All that is wrong with an object of options.
    ///   - make: Makes the stage from options that have no findings.
    package init(
        _ description: StageDescription, origin: String, mark: String, options: [OptionDescriptor],
        findings: @escaping @Sendable ([String: JSONValue]) -> [OptionFinding],
        make: @escaping @Sendable ([String: JSONValue]) throws(StageError) -> AnyStage
    ) {
        name = description.name
        summary = description.summary
        version = description.version
        effect = description.effect
        resource = description.resource
        self.origin = origin
        self.mark = mark
        input = description.input
        output = description.output
        self.options = options
        optionsSchema = description.options
        self.findings = findings
        self.make = make
        let (input, output) = (input, output)
        decodeInput = { try ForeignArtifact.decode($0, kind: input) }
        decodeOutput = { try ForeignArtifact.decode($0, kind: output) }
    }

    /// What the stage behind it takes.
    public var handsOn: ArtifactKind { element ?? output }

    private static func elementKind<List: ArtifactList>(of list: List.Type) -> ArtifactKind { List.Element.kind }

    /// The same stage type, whose instances are exchanged as they are made: to let their work be done elsewhere.
    /// - Parameter exchange: Gets the instance and the options as they were written.
    public func exchangingInstances(
        _ exchange: @escaping @Sendable (AnyStage, [String: JSONValue]) -> AnyStage
    ) -> StageType {
        var copy = self
        copy.make = { [make] (object) throws(StageError) in exchange(try make(object), object) }
        return copy
    }
}

/// A stage instance without its type.
public struct AnyStage: Sendable {
    /// Every option with its value.
    public let options: [String: JSONValue]
    /// See ``Stage/check(_:)``; asynchronous, because another process may have to be asked.
    public let check: @Sendable (CheckContext) async -> [Diagnostic]
    /// See ``Stage/dependencies(_:)``.
    public let dependencies: @Sendable (any Artifact) -> [String]
    /// See ``Stage/plan(_:_:)``.
    public let plan: @Sendable (any Artifact, PlanContext) async throws(StageError) -> StagePlan
    /// See ``Stage/run(_:_:)``.
    public let run: @Sendable (any Artifact, StageContext) async throws(StageError) -> any Artifact

    /// A stage whose parts are given one by one.
    public init(
        options: [String: JSONValue], check: @escaping @Sendable (CheckContext) async -> [Diagnostic],
        dependencies: @escaping @Sendable (any Artifact) -> [String] = { _ in [] },
        plan: @escaping @Sendable (any Artifact, PlanContext) async throws(StageError) -> StagePlan,
        run: @escaping @Sendable (any Artifact, StageContext) async throws(StageError) -> any Artifact
    ) {
        self.options = options
        self.check = check
        self.dependencies = dependencies
        self.plan = plan
        self.run = run
    }

    init<S: Stage>(_ stage: S, options: [String: JSONValue]) {
        self.options = options
        check = { stage.check($0) }
        dependencies = { ((try? Self.cast($0, for: S.self)) as S.Input?).map(stage.dependencies) ?? [] }
        plan = { (input, context) async throws(StageError) in
            try await stage.plan(try Self.cast(input, for: S.self), context)
        }
        run = { (input, context) async throws(StageError) in
            try await stage.run(try Self.cast(input, for: S.self), context)
        }
    }

    private static func cast<S: Stage>(_ input: any Artifact, for stage: S.Type) throws(StageError) -> S.Input {
        if let foreign = input as? ForeignArtifact, S.Input.self != ForeignArtifact.self {
            do {
                return try foreign.value.decode(S.Input.self)
            } catch {
                throw StageError(
                    .plugin, "\(S.name) takes a \(S.Input.kind) and was handed another form of it: \(error)")
            }
        }
        guard let input = input as? S.Input else {
            throw StageError(
                .internalFault, "\(S.name) takes a \(S.Input.kind) and was handed a \(type(of: input).kind)")
        }
        return input
    }
}

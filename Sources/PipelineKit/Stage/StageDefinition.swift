/// A type-erased ``Stage`` type, as registries and the runner use it: its description, its options and how to create
/// instances.
///
/// The properties of its ``description``, such as ``StageDescription/name``, are also properties of the definition.
@dynamicMemberLookup
public struct StageDefinition: Sendable {
    /// What the stage declares about itself.
    public let description: StageDescription
    /// What it reaches for its work.
    public let access: StageAccess
    /// Options with which it works on a sample; see ``Stage/sampleOptions(in:)``.
    package let sampleOptions: @Sendable (String) -> [String: JSONValue]
    /// The name and version of the plugin that provides the stage; nil for built-in stages.
    public let origin: String?
    /// A fingerprint of the plugin's name, version and files, which is part of the cache key; nil for built-in stages.
    package let fingerprint: String?
    /// The kind of element if the output is a list, whose elements the next stage processes one by one; otherwise nil.
    public let element: ArtifactKind?
    public let options: [OptionDescriptor]
    /// Returns every problem of an options object.
    public let findings: @Sendable ([String: JSONValue]) -> [OptionFinding]
    /// Creates an instance from options that have no findings.
    public private(set) var make: @Sendable ([String: JSONValue]) throws(StageError) -> AnyStage
    /// Decodes an artifact of the stage's input kind.
    public let decodeInput: @Sendable (JSONValue) throws -> any Artifact
    /// Decodes an artifact of the stage's output kind, such as one from the journal.
    public let decodeOutput: @Sendable (JSONValue) throws -> any Artifact

    /// Creates the definition of a stage that is linked into this program.
    public init<S: Stage>(_ type: S.Type) {
        description = StageDescription(type)
        access = S.access
        sampleOptions = { S.sampleOptions(in: $0) }
        origin = nil
        fingerprint = nil
        element = (S.Output.self as? any ArtifactList.Type).map { Self.elementKind(of: $0) }
        options = S.Options.descriptors
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

    /// Creates the definition of a plugin's stage, which runs in another process.
    /// - Parameters:
    ///   - description: The stage as the plugin describes it.
    ///   - origin: The plugin's name and version.
    ///   - fingerprint: A fingerprint of the plugin's name, version and files.
    ///   - options: The options that the description's schema declares.
    ///   - findings: Returns every problem of an options object.
    ///   - make: Creates an instance from options that have no findings.
    package init(
        _ description: StageDescription, origin: String, fingerprint: String, options: [OptionDescriptor],
        findings: @escaping @Sendable ([String: JSONValue]) -> [OptionFinding],
        make: @escaping @Sendable ([String: JSONValue]) throws(StageError) -> AnyStage
    ) {
        self.description = description
        // The plugin's own policy decides what its process may do.
        access = []
        sampleOptions = { _ in [:] }
        self.origin = origin
        self.fingerprint = fingerprint
        element = nil
        self.options = options
        self.findings = findings
        self.make = make
        decodeInput = { try OpaqueArtifact.decode($0, kind: description.input) }
        decodeOutput = { try OpaqueArtifact.decode($0, kind: description.output) }
    }

    public subscript<Value>(dynamicMember property: KeyPath<StageDescription, Value>) -> Value {
        description[keyPath: property]
    }

    /// The kind of artifact that the next stage takes: that of an element if the output is a list.
    public var handsOn: ArtifactKind { element ?? description.output }

    private static func elementKind<List: ArtifactList>(of list: List.Type) -> ArtifactKind { List.Element.kind }

    /// Returns a copy that replaces each instance with the result of `exchange`, for example to run it elsewhere.
    /// - Parameter exchange: Receives the instance and the options as written in the pipeline file.
    public func exchangingInstances(
        _ exchange: @escaping @Sendable (AnyStage, [String: JSONValue]) -> AnyStage
    ) -> StageDefinition {
        var copy = self
        copy.make = { [make] (object) throws(StageError) in exchange(try make(object), object) }
        return copy
    }
}

/// A type-erased ``Stage`` instance.
public struct AnyStage: Sendable {
    /// The value of every option, defaults included.
    public let options: [String: JSONValue]
    /// Finds problems before the work; see ``Stage/check(_:)``. Asynchronous, because a child process may do it.
    public let check: @Sendable (CheckContext) async -> [Diagnostic]
    /// Lists other files that decide the output; see ``Stage/dependencies(_:)``.
    public let dependencies: @Sendable (any Artifact) -> [String]
    /// Describes the work for an artifact; see ``Stage/plan(_:_:)``.
    public let plan: @Sendable (any Artifact, PlanContext) async throws(StageError) -> StagePlan
    /// Processes an artifact; see ``Stage/run(_:_:)``.
    public let run: @Sendable (any Artifact, StageContext) async throws(StageError) -> any Artifact

    /// Creates a stage from closures, for example to wrap another one.
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
        dependencies = { input in (try? Self.cast(input, for: S.self)).map(stage.dependencies) ?? [] }
        plan = { (input, context) async throws(StageError) in
            try await stage.plan(try Self.cast(input, for: S.self), context)
        }
        run = { (input, context) async throws(StageError) in
            try await stage.run(try Self.cast(input, for: S.self), context)
        }
    }

    private static func cast<S: Stage>(_ input: any Artifact, for stage: S.Type) throws(StageError) -> S.Input {
        if let foreign = input as? OpaqueArtifact, S.Input.self != OpaqueArtifact.self {
            do {
                return try foreign.value.decode(S.Input.self)
            } catch {
                throw StageError(
                    .plugin, "\(S.name) can't decode its input as \(S.Input.kind): \(error)")
            }
        }
        guard let input = input as? S.Input else {
            throw StageError(
                .internalFault, "\(S.name) takes a \(S.Input.kind), not a \(type(of: input).kind)")
        }
        return input
    }
}

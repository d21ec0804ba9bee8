import Crypto
import Foundation
import Logging
import PipelineEngine
import PipelineFile
import PipelineKit
import Posting
import Store
import Synchronization

/// What a test stage does, by the name that the test gave it.
final class Behaviours: Sendable {
    typealias Work = @Sendable (StageContext) async throws(StageError) -> Void
    private let works = Mutex<[String: Work]>([:])

    static let shared = Behaviours()

    func register(_ name: String, _ work: @escaping Work) { works.withLock { $0[name] = work } }
    func work(_ name: String) -> Work? { works.withLock { $0[name] } }
}

struct TestOptions: StageOptions {
    @StageOption("Which registered behaviour to follow.") var behaviour = ""
    @StageOption("A number that changes the key.", range: 0...100) var number = 0
}

struct Footage: Artifact {
    static let kind: ArtifactKind = "ProbedMedia"
    var path: String
    var marks: [String]
    /// A file that a stage takes in beside the footage.
    var extra: FileReference?
    /// Files that a stage has made.
    var made: [FileReference]?
    var files: [FileReference] { (extra.map { [$0] } ?? []) + (made ?? []) }
    var summary: [String: JSONValue] { ["path": .string(path)] }
}

/// Takes the source.
struct Look: Stage {
    static let name: StageName = "look"
    static let summary = "Looks at footage."
    static let effect: Effect = .pure
    static let resource: Resource = .light
    let options: TestOptions
    init(options: TestOptions) { self.options = options }
    func plan(_ input: SourceFile, _ context: PlanContext) async throws(StageError) -> StagePlan {
        if input.displayPath.contains("bad") { throw StageError(.unusableFootage, "bad footage") }
        return StagePlan(action: "looks", output: Footage(path: input.file.path, marks: []))
    }
    func run(_ input: SourceFile, _ context: StageContext) async throws(StageError) -> Footage {
        try await Behaviours.shared.work(options.behaviour)?(context)
        return Footage(path: input.file.path, marks: ["look"])
    }
}

/// Works on footage with the processor.
struct Cook: Stage {
    static let name: StageName = "cook"
    static let summary = "Works on footage."
    static let effect: Effect = .pure
    static let resource: Resource = .cpu
    let options: TestOptions
    init(options: TestOptions) { self.options = options }
    func run(_ input: Footage, _ context: StageContext) async throws(StageError) -> Footage {
        try await Behaviours.shared.work(options.behaviour)?(context)
        return Footage(path: input.path, marks: input.marks + ["cook"])
    }
}

/// Sends footage.
struct Send: Stage {
    static let name: StageName = "send"
    static let summary = "Sends footage."
    static let effect: Effect = .irreversible
    static let resource: Resource = .network
    let options: TestOptions
    init(options: TestOptions) { self.options = options }
    func run(_ input: Footage, _ context: StageContext) async throws(StageError) -> PublishedPost {
        try await Behaviours.shared.work(options.behaviour)?(context)
        let record = try await context.ledger.reserve(context.postKey, asset: context.asset, runID: context.runID)
        let announcement = PostAnnouncement(
            fileDigest: "d", fileBytes: 1, chunkSize: 1, chunkCount: 1, title: nil, privacyLevel: nil, mode: .direct,
            username: nil)
        try await context.ledger.apply(.sending(announcement), to: record.id)
        try await context.ledger.apply(.accepted(publishID: "p-1", uploadURL: Secret("u")), to: record.id)
        try await context.ledger.apply(.published(postIDs: [7], url: "https://example.com/7"), to: record.id)
        return PublishedPost(
            publishID: "p-1", status: "PUBLISH_COMPLETE", postIDs: [7], url: "https://example.com/7", mode: .direct)
    }
}

/// Does what can't be undone, and makes no post.
struct Ring: Stage {
    static let name: StageName = "ring"
    static let summary = "Rings a bell."
    static let effect: Effect = .irreversible
    static let resource: Resource = .network
    let options: TestOptions
    init(options: TestOptions) { self.options = options }
    func run(_ input: Footage, _ context: StageContext) async throws(StageError) -> Footage {
        try await Behaviours.shared.work(options.behaviour)?(context)
        return Footage(path: input.path, marks: input.marks + ["ring"])
    }
}

/// Takes in the file `extra` beside the footage.
struct Season: Stage {
    static let name: StageName = "season"
    static let summary = "Takes in a file beside the footage."
    static let effect: Effect = .pure
    static let resource: Resource = .light
    init(options: NoOptions) {}
    func run(_ input: Footage, _ context: StageContext) async throws(StageError) -> Footage {
        let path = URL(filePath: input.path).deletingLastPathComponent().appending(path: "extra").path
        guard let data = FileManager.default.contents(atPath: path) else {
            throw StageError(.fileSystem, "no extra file")
        }
        var output = input
        let digest = ContentDigest.sha256(String(decoding: data, as: UTF8.self))
        output.extra = FileReference(path: path, bytes: Int64(data.count), sha256: digest)
        return output
    }
}

/// Makes two files of the same name in two folders.
struct Pack: Stage {
    static let name: StageName = "pack"
    static let summary = "Makes files."
    static let effect: Effect = .pure
    static let resource: Resource = .light
    init(options: NoOptions) {}
    func run(_ input: Footage, _ context: StageContext) async throws(StageError) -> Footage {
        var output = input
        output.made = []
        for name in ["one", "two"] {
            let file = context.workDirectory.appending(path: "\(name)/file")
            do {
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(name.utf8).write(to: file)
            } catch {
                throw StageError(.fileSystem, "\(error)")
            }
            output.made?.append(
                FileReference(path: file.path, bytes: Int64(name.utf8.count), sha256: ContentDigest.sha256(name)))
        }
        return output
    }
}

/// Reads what was made; what comes out is marked with it.
struct Unpack: Stage {
    static let name: StageName = "unpack"
    static let summary = "Reads files."
    static let effect: Effect = .resumable
    static let resource: Resource = .light
    init(options: NoOptions) {}
    func run(_ input: Footage, _ context: StageContext) async throws(StageError) -> Footage {
        var output = input
        output.marks = (input.made ?? []).map { (try? String(contentsOfFile: $0.path, encoding: .utf8)) ?? "gone" }
        return output
    }
}

/// Gives something else each time, as a stage does that finds a free name in a folder of the user's.
struct Stamp: Stage {
    static let name: StageName = "stamp"
    static let summary = "Stamps footage."
    static let effect: Effect = .resumable
    static let resource: Resource = .light
    init(options: NoOptions) {}
    func run(_ input: Footage, _ context: StageContext) async throws(StageError) -> Footage {
        Footage(path: input.path, marks: input.marks + ["stamped in \(context.runID)"])
    }
}

struct FootageList: ArtifactList {
    static let kind: ArtifactKind = "ProbedMedia[]"
    var elements: [Footage]
    var files: [FileReference] { elements.flatMap(\.files) }
    var summary: [String: JSONValue] { ["count": .integer(Int64(elements.count))] }
}

/// Makes `number` pieces of footage.
struct Slice: Stage {
    static let name: StageName = "slice"
    static let summary = "Slices footage."
    static let effect: Effect = .pure
    static let resource: Resource = .light
    let options: TestOptions
    init(options: TestOptions) { self.options = options }
    func plan(_ input: Footage, _ context: PlanContext) async throws(StageError) -> StagePlan {
        StagePlan(action: "slices", output: slices(input))
    }
    func run(_ input: Footage, _ context: StageContext) async throws(StageError) -> FootageList {
        try await Behaviours.shared.work(options.behaviour)?(context)
        return slices(input)
    }
    private func slices(_ input: Footage) -> FootageList {
        FootageList(
            elements: (0..<options.number).map { Footage(path: input.path, marks: input.marks + ["slice \($0 + 1)"]) })
    }
}

let testRegistry = StageRegistry([
    StageDefinition(Look.self), StageDefinition(Cook.self), StageDefinition(Season.self), StageDefinition(Send.self),
    StageDefinition(Ring.self), StageDefinition(Slice.self), StageDefinition(Stamp.self),
    StageDefinition(Pack.self), StageDefinition(Unpack.self),
])

struct NoCredentials: CredentialProvider {
    func problem(with account: String) -> Diagnostic? { nil }
    func credentials(for account: String) async throws(StageError) -> Credentials {
        Credentials(accessToken: Secret("token"))
    }
    func renewed(for account: String, after rejected: Secret) async throws(StageError) -> Credentials {
        throw StageError(.notAuthorised, "no")
    }
}

struct FreePermits: RatePermits {
    func acquire(_ limit: RateLimit) async throws(StageError) {}
}

/// Collects events.
final class Recorder: Sendable {
    private let events = Mutex<[RunEvent]>([])
    func take(_ event: RunEvent) { events.withLock { $0.append(event) } }
    var names: [String] { events.withLock { $0.map(\.name) } }
    var all: [RunEvent] { events.withLock { $0 } }
    var json: [JSONValue] { all.map { $0.json(run: "r", time: Date(timeIntervalSince1970: 0)) } }
}

/// A folder with footage and records of its own.
final class Bench: Sendable {
    let folder: URL
    let store: RecordStore
    let recorder = Recorder()
    let slept = Mutex<[Duration]>([])

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "runner-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        store = try RecordStore(sqlite: folder.appending(path: "s.db").path)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func footage(_ name: String, _ content: String? = nil) throws {
        try Data((content ?? name).utf8).write(to: folder.appending(path: name))
    }

    var ledger: SQLPostLedger {
        SQLPostLedger(store, sealer: Sealer(key: .init(data: Data(repeating: 7, count: 32))))
    }

    func pipeline(_ stages: String, post: String = "{}") throws -> Pipeline {
        let text = #"{"name": "test", "post": \#(post), "stages": [\#(stages)]}"#
        let (pipeline, findings) = PipelineChecker(registry: testRegistry, environment: { _ in nil })
            .check(PipelineDocument(text, file: "test.json"))
        guard let pipeline else { throw StageError(.internalFault, findings.map(\.text).joined(separator: "\n")) }
        return pipeline
    }

    func request(_ pipeline: Pipeline, _ names: [String], keep: Bool = false, waits: Bool = true) -> RunRequest {
        let inputs = names.map { ($0, SourcePosition(file: "test")) }
        return RunRequest(
            pipeline: pipeline, assets: InputResolver.resolve(inputs, in: folder).assets, accountIdentity: "me",
            settings: [:], fingerprint: "f", command: [], workRoot: folder.appending(path: "work"), keepsWork: keep,
            waitsForLimits: waits)
    }

    func host(budget: Int = 1) -> RunEnvironment {
        RunEnvironment(
            journal: SQLJournal(store), ledger: ledger, permits: FreePermits(), credentials: NoCredentials(),
            digests: FileDigests(store), locks: SharedLocks(folder: folder.appending(path: "locks")),
            clock: HostClock(
                now: { Date() },
                sleep: { [weak self] duration in
                    // Time is the test's: a wait is noted, not waited for.
                    self?.slept.withLock { $0.append(duration) }
                    try Task.checkCancellation()
                    await Task.yield()
                }), random: { 0.5 }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            processorBudget: budget, emit: { [recorder] in recorder.take($0) })
    }

    func run(_ request: RunRequest, budget: Int = 1, caches: Bool = false) async throws -> RunSummary {
        var host = host(budget: budget)
        if caches { host.cache = OutputCache(folder: folder.appending(path: "cache"), digests: host.digests) }
        return await RunEngine(request: request, host: host).run(try await RunEngine.record(for: request, host: host))
    }
}

import Crypto
import Foundation
import PipelineKit
import SpreaderTesting
import Synchronization
import Testing

@testable import Store

/// Time that moves by hand.
final class TestTime: Sendable {
    private let moment: Mutex<Date>

    init(_ seconds: Double = 1_000_000) { moment = Mutex(Date(timeIntervalSince1970: seconds)) }

    var now: Date { moment.withLock { $0 } }
    func advance(by seconds: Double) { moment.withLock { $0 += seconds } }
    /// A clock of this time; waiting moves it.
    var clock: HostClock { HostClock(now: { self.now }, sleep: { self.advance(by: $0.inSeconds) }) }
}

/// A database that the conformance tests run on.
enum Backend: String, CaseIterable, CustomTestStringConvertible {
    case sqlite
    case postgresql

    /// Those that this machine has.
    static var all: [Backend] { PrivatePostgres.isAvailable ? allCases : [.sqlite] }

    var testDescription: String { rawValue }
}

/// An empty database with today's schema, gone with this object.
final class TestDatabase: Sendable {
    let folder: URL
    let address: String?

    init(_ backend: Backend = .sqlite) async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        address = backend == .postgresql ? try PrivatePostgres.server().database() : nil
        if let address { try await PostgresDatabase(Secret(address)).migrate() }
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
        if let address { try? PrivatePostgres.server().drop(address) }
    }

    var file: String { folder.appending(path: "s.db").path }

    /// Opens the records, as another process does.
    func store(_ clock: HostClock = .system) throws -> RecordStore {
        guard let address else { return try RecordStore(sqlite: file, clock: clock) }
        return RecordStore(PostgresDatabase(Secret(address), time: .given(clock.now)), clock: clock)
    }

    func store(_ time: TestTime) throws -> RecordStore { try store(time.clock) }

    func ledger(_ key: UInt8 = 7) throws -> SQLPostLedger { SQLPostLedger(try store(), sealer: sealer(key)) }

    func sealer(_ byte: UInt8) -> Sealer { Sealer(key: SymmetricKey(data: Data(repeating: byte, count: 32))) }

    /// Every byte that the records have on disk; of a server, what it gives out.
    func bytes() async throws -> Data {
        if address != nil {
            return try await store().durable.read { connection in
                var all = Data()
                for table in ["posts", "tokens", "stages", "checkpoints", "runs", "assets", "jobs"] {
                    for value in try connection.query("SELECT * FROM \(table)").flatMap(\.values.values) {
                        if case .blob(let data) = value { all += data } else { all += Data("\(value)".utf8) }
                    }
                }
                return all
            }
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("s.db") }
        return try files.filter { $0 != "s.db.locks" }.sorted().reduce(into: Data()) {
            $0 += try Data(contentsOf: folder.appending(path: $1))
        }
    }
}

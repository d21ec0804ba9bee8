import Foundation
import PipelineKit
import SpreaderTesting
import Synchronization
import Testing

@testable import Store

/// Time that moves by hand.
final class TestTime: Sendable {
    private let moment = Mutex(Date(timeIntervalSince1970: 1_000_000))

    var now: Date { moment.withLock { $0 } }
    func advance(by seconds: Double) { moment.withLock { $0 += seconds } }
}

/// A database that the conformance tests run on.
enum Backend: String, CaseIterable, CustomTestStringConvertible {
    case sqlite
    case postgresql

    /// Those that this machine has.
    static var all: [Backend] { PrivatePostgres.isAvailable ? allCases : [.sqlite] }

    var testDescription: String { rawValue }

    /// Runs `body` on an empty database with today's schema.
    func withDatabase(_ time: TestTime, _ body: (any SQLDatabase) async throws -> Void) async throws {
        switch self {
        case .sqlite:
            let folder = FileManager.default.temporaryDirectory.appending(path: "jobs-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            let store = try SQLiteStore(path: folder.appending(path: "spreader.db").path)
            try await body(SQLiteDatabase(store, clock: { time.now }))
        case .postgresql:
            let server = try PrivatePostgres.server()
            let address = try server.database()
            defer { server.drop(address) }
            let database = PostgresDatabase(Secret(address), time: .given { time.now })
            try await database.migrate()
            try await body(database)
        }
    }
}

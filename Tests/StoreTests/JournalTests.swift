import Crypto
import Foundation
import PipelineKit
import SpreaderTesting
import Testing

@testable import Store

@Suite struct JournalTests {
    private func run(_ id: String, at seconds: Double, fingerprint: String = "f") -> RunRecord {
        RunRecord(
            id: id, fingerprint: fingerprint, pipeline: "tiktok", path: "/p/tiktok.json",
            command: ["/p", "run", "it's"],
            workDirectory: "/w/\(id)", startedAt: Date(timeIntervalSince1970: seconds))
    }

    @Test(arguments: Backend.all) func anotherProcessFindsWhatIsDone(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let journal = SQLJournal(try database.store())
        try await journal.begin(run("r1", at: 10))
        let artifact: JSONValue = ["path": "/w/ä \"quoted\"\n.mp4", "bytes": 12, "ratio": 0.5, "none": .null]
        for seconds in [1.5, 2.5] {
            try await journal.record(
                StageRecord(asset: "a.mp4", stage: "probe", reuseKey: "k", artifact: artifact, seconds: seconds),
                run: "r1")
        }
        try await journal.record(AssetRecord(asset: "a.mp4", digest: "d", status: .running), run: "r1")
        try await journal.record(
            AssetRecord(asset: "a.mp4", digest: "d", status: .failed, message: "why"), run: "r1")
        let notes = journal.checkpoints(run: "r1", asset: "a.mp4", stage: "upload")
        try await notes.set("sent", to: 5)
        try await notes.set("sent", to: ["chunks": [1, 2]])

        let other = SQLJournal(try database.store())
        let found = try #require(try await other.unfinishedRun(fingerprint: "f"))
        #expect(found == run("r1", at: 10))
        let stages = try await other.stages(run: "r1", asset: "a.mp4")
        #expect(stages.map(\.artifact) == [artifact] && stages.map(\.seconds) == [2.5])
        #expect(try await other.assets(run: "r1").map(\.message) == ["why"])
        let again = other.checkpoints(run: "r1", asset: "a.mp4", stage: "upload")
        #expect(try await again.value("sent") == ["chunks": [1, 2]])
        #expect(try await again.value("other") == nil)
    }

    @Test(arguments: Backend.all) func onlyTheLatestRunOfACommandGoesOn(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let journal = SQLJournal(try database.store())
        try await journal.begin(run("r1", at: 10))
        try await journal.begin(run("r2", at: 20))
        try await journal.finish("r2", status: .succeeded, exitStatus: 0, at: Date(timeIntervalSince1970: 30))
        #expect(try await journal.unfinishedRun(fingerprint: "f") == nil)
        try await journal.begin(run("r3", at: 40))
        try await journal.finish("r3", status: .interrupted, exitStatus: 130, at: Date(timeIntervalSince1970: 50))
        #expect(try await journal.unfinishedRun(fingerprint: "f")?.id == "r3")
        // It goes on, from another folder for work files.
        var resumed = run("r3", at: 40)
        resumed.workDirectory = "/other/r3"
        try await journal.begin(resumed)
        #expect(try await journal.run(idPrefix: "r3") == resumed)
        #expect(try await journal.run(idPrefix: "r") == nil)
        #expect(try await journal.runs(limit: 2).map(\.id) == ["r3", "r2"])
    }

    @Test(arguments: Backend.all) func anErasedRunTakesItsNotesAlong(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let journal = SQLJournal(try database.store())
        try await journal.begin(run("r1", at: 10))
        try await journal.begin(run("r2", at: 20, fingerprint: "g"))
        try await journal.record(
            StageRecord(asset: "a", stage: "s", reuseKey: "k", artifact: .null, seconds: 1), run: "r1")
        try await journal.record(AssetRecord(asset: "a", digest: "d", status: .finished), run: "r1")
        #expect(try await journal.runs(before: Date(timeIntervalSince1970: 15)).map(\.id) == ["r1"])
        try await journal.erase("r1")
        #expect(try await journal.stages(run: "r1", asset: "a").isEmpty)
        #expect(try await journal.assets(run: "r1").isEmpty)
        #expect(try await journal.runs(limit: 9).map(\.id) == ["r2"])
    }
}

@Suite struct LockTests {
    private let busy = StageError(.busy, "held")

    @Test func onOneMachineALockIsHeldOnce() async throws {
        let database = try await TestDatabase()
        let folder = database.folder.appending(path: "locks")
        let lock = try #require(try await SharedLocks(folder: folder).attempt("run"))
        #expect(try await SharedLocks(folder: folder).attempt("run") == nil)
        #expect(try await SharedLocks(folder: folder).attempt("other") != nil)
        await lock.release()
        #expect(try await SharedLocks(folder: folder).attempt("run") != nil)
    }

    @Test(arguments: Backend.all) func machinesTakeTurnsAndOutliveOneAnother(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        // SQLite files are not shared by machines; the table is PostgreSQL's alone.
        guard backend == .postgresql else { return }
        let time = TestTime()
        let store = try database.store(time)
        let here = try SharedLocks(folder: database.folder.appending(path: "here"), store: store)
        let there = try SharedLocks(folder: database.folder.appending(path: "there"), store: store)
        let lock = try #require(try await here.attempt("run"))
        #expect(try await there.attempt("run") == nil)
        await #expect(throws: StageError.self) {
            try await there.with("run", orThrow: busy) { () async throws(StageError) in }
        }
        await lock.release()
        try await there.with("run", orThrow: busy) { () async throws(StageError) in
            #expect(try await here.attempt("run") == nil)
        }
        // A machine that is gone is waited for, and no longer than it may be silent.
        let lost = LockRow(database: store.durable, name: "run", owner: "gone:1")
        #expect(try await lost.take(machine: "gone:"))
        #expect(try await here.attempt("run") == nil)
        time.advance(by: SharedLocks.leaseDuration.inSeconds - 1)
        try await lost.renew()
        time.advance(by: 2)
        #expect(try await here.attempt("run") == nil)
        time.advance(by: SharedLocks.leaseDuration.inSeconds)
        let taken = try #require(try await here.attempt("run"))
        // What it gives back later is not its own any more.
        try await lost.release()
        #expect(try await there.attempt("run") == nil)
        await taken.release()
        // Of a process that died on this machine only its row is left.
        let died = LockRow(database: store.durable, name: "run", owner: "gone:2")
        #expect(try await died.take(machine: "gone:"))
        let restarted = LockRow(database: store.durable, name: "run", owner: "gone:3")
        #expect(try await restarted.take(machine: "gone:"))
    }
}

@Suite(.enabled(if: PrivatePostgres.isAvailable, "PostgreSQL is not installed")) struct PostgresServerTests {
    @Test func aRestartIsWaitedForWhereNothingWasBegun() async throws {
        let server = try PrivatePostgres()
        let address = try server.database()
        let store = try await RecordStore.postgres(Secret(address), patience: .seconds(30))
        let journal = SQLJournal(store)
        #expect(try await journal.runs(limit: 1).isEmpty)
        server.stop()
        async let runs = journal.runs(limit: 1)
        try server.start()
        #expect(try await runs.isEmpty)
        server.stop()
        let impatient = RecordStore(PostgresDatabase(Secret(address)), clock: .system)
        let error = await #expect(throws: StageError.self) { try await SQLJournal(impatient).runs(limit: 1) }
        #expect(error?.outcome == .unavailable)
    }

    @Test func theClockGoesByTheServer() async throws {
        let server = try PrivatePostgres.server()
        let address = try server.database()
        defer { server.drop(address) }
        let ahead = PostgresDatabase(Secret(address), time: .given { Date() + 3600 })
        #expect(abs(try await ahead.clock().now().timeIntervalSinceNow - 3600) < 30)
        let store = try await RecordStore.postgres(Secret(address), patience: .zero)
        #expect(abs(store.clock.now().timeIntervalSinceNow) < 30)
    }

    @Test func aSchemaThatIsNotTodaysIsNotWorkedOn() async throws {
        let server = try PrivatePostgres.server()
        let address = try server.database()
        defer { server.drop(address) }
        let database = PostgresDatabase(Secret(address))
        // An empty one is given today's, once, whoever comes first.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { _ = try await RecordStore.postgres(Secret(address), patience: .zero) }
            }
            try await group.waitForAll()
        }
        #expect(try await database.migrationStatus().allSatisfy(\.isApplied))
        _ = try await database.write { try $0.execute("DELETE FROM spreader_migrations WHERE name = '002 records'") }
        let older = await #expect(throws: StageError.self) {
            try await RecordStore.postgres(Secret(address), patience: .zero)
        }
        #expect(older?.outcome == .configuration && older?.hint?.contains("db migrate") == true)
        _ = try await database.write {
            try $0.execute("INSERT INTO spreader_migrations (name, appliedAt) VALUES ('999 later', 0)")
        }
        let newer = await #expect(throws: StageError.self) {
            try await RecordStore.postgres(Secret(address), patience: .zero)
        }
        #expect(newer?.message.contains("newer version") == true)
    }

    @Test(.enabled(if: PrivatePostgres.Pooler.isAvailable, "pgbouncer is not installed"), .timeLimit(.minutes(10)))
    func aTransactionPoolerDoesNoHarm() async throws {
        let server = try PrivatePostgres.server()
        let address = try server.database()
        defer { server.drop(address) }
        let pooler = try server.pooler(for: address)
        let store = try await RecordStore.postgres(Secret(pooler.address), patience: .zero)
        let queue = JobQueue(store)
        // It takes LISTEN and delivers nothing, which has to be noticed.
        var notices = try #require(queue.notices).makeAsyncIterator()
        #expect(await notices.next() == .interrupted)
        let jobs = (0..<16).map { NewJob(pipeline: "/p", name: "p", asset: "/\($0)", directory: "/") }
        _ = try await queue.insert(jobs)
        try await queue.limit(.account("default"), to: 2)
        let most = try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    var most = 0
                    while try await queue.counts()[.completed] ?? 0 < 16 {
                        guard let lease = try await queue.claim(1, worker: "\(worker)", lease: .seconds(60)).first
                        else { continue }
                        most = max(most, try await queue.counts()[.executing] ?? 0)
                        _ = try await queue.end(lease, .completed(message: nil), random: 0)
                    }
                    return most
                }
            }
            return try await group.reduce(0, max)
        }
        #expect(most <= 2)
        let permits = SQLRatePermits(store, maximumWait: .zero)
        let limit = RateLimit(name: "init", subject: "me", permits: 3, window: .seconds(600))
        let granted = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { (try? await permits.acquire(limit)) != nil } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(granted == 3)
        withExtendedLifetime(pooler) {}
    }

    @Test func aMachineWithAnotherKeyFindsOutAtOnce() async throws {
        let database = try await TestDatabase(.postgresql)
        let store = try database.store()
        let first = TokenVault(store, sealer: database.sealer(1))
        try await first.checkKey()
        try await first.checkKey()
        let error = await #expect(throws: StageError.self) {
            try await TokenVault(store, sealer: database.sealer(2)).checkKey()
        }
        #expect(error?.outcome == .configuration && error?.hint?.contains("SPREADER_VAULT_KEY") == true)
        // With both keys everything is sealed anew, and the new one alone is enough.
        let keys = [UInt8(2), 1].map { SymmetricKey(data: Data(repeating: $0, count: 32)) }
        _ = try await TokenVault(store, sealer: Sealer(key: keys[0], older: [keys[1]])).reseal()
        try await TokenVault(store, sealer: database.sealer(2)).checkKey()
        withExtendedLifetime(database) {}
    }

    @Test func aProcessFrozenInATransactionDoesNotHoldTheOthersUp() async throws {
        let database = try await TestDatabase(.postgresql)
        let queue = JobQueue(try database.store())
        _ = try await queue.insert([NewJob(pipeline: "/p", name: "p", asset: "/a", directory: "/")])
        try await queue.limit(.queue("default"), to: 1)
        // As one is that holds the claims' lock when it stops: the server gives up on it.
        let frozen = PostgresDatabase(Secret(try #require(database.address)))
        let isHeld = AsyncStream.makeStream(of: Void.self)
        let freeze = Task {
            try await frozen.write { connection in
                try connection.lock("jobs")
                isHeld.continuation.yield()
                Thread.sleep(forTimeInterval: 14)
                _ = try connection.query("SELECT 1 AS one")
            }
        }
        for await _ in isHeld.stream { break }
        let start = ContinuousClock.now
        let claimed = try await queue.claim(1, worker: "w", lease: .seconds(60))
        #expect(claimed.count == 1)
        #expect(ContinuousClock.now - start > .seconds(5))
        await #expect(throws: (any Error).self) { try await freeze.value }
        withExtendedLifetime(database) {}
    }

    @Test func aPasswordIsInNoError() async throws {
        for address in [
            "postgres://bob:50%hush@127.0.0.1:1/db", "postgres://bob:s3/hush@127.0.0.1:1/db",
            "postgres://bob:hush@[::1/db", "postgres://bob:a@hush@127.0.0.1:1/db", "postgres://bob:hush@127.0.0.1:1/db",
        ] {
            let error = await #expect(throws: StageError.self) {
                try await RecordStore.postgres(Secret(address), patience: .zero)
            }
            #expect(error?.description.contains("hush") == false, "\(String(describing: error))")
        }
    }

    @Test func anAddressIsShownWithoutItsPassword() {
        for (address, shown) in [
            (
                "postgres://ann:hush@db.example.org:5433/spreader?sslmode=require",
                "postgres://ann@db.example.org:5433/spreader?sslmode=require"
            ),
            ("postgresql://ann@/spreader?host=/run/pg&password=hush", "postgresql://ann@/spreader?host=/run/pg"),
            ("postgres://db/spreader?password=hush", "postgres://db/spreader"),
        ] {
            #expect(PostgresDatabase.redacted(address) == shown)
        }
    }
}

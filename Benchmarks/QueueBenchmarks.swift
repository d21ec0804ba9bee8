import Foundation
import PipelineKit
import Store

/// Measures the job queue on SQLite and PostgreSQL. `Benchmarks/queue` starts the server.
struct QueueBenchmarks {
    let program: String
    let folder: URL
    let address: String
    /// The server's log, in which ``measureIdleLoad()`` counts statements.
    let log: URL

    private static let lease = Duration.seconds(60)

    private func stores() async throws -> [(name: String, store: RecordStore)] {
        [
            ("SQLite", try RecordStore(sqlite: folder.appending(path: "\(UUID().uuidString).db").path)),
            ("PostgreSQL", try await RecordStore.postgres(Secret(address), patience: .zero)),
        ]
    }

    private func job(_ number: Int) -> NewJob {
        var job = NewJob(pipeline: "/none.json", name: "none", asset: "/\(number).mp4", directory: "/tmp")
        job.maxAttempts = 1
        return job
    }

    func run() async throws {
        try await measureRates()
        try await measureScaling()
        try await measureLatency()
        try await measureIdleLoad()
    }

    // MARK: Rates

    private func measureRates() async throws {
        print("## Job queue\n")
        print("Jobs per second, with durable commits. \"Claim\" claims a job and ends it, in two transactions.\n")
        print(
            "| database | enqueue one by one | enqueue 1,000 at once | claim, 1 worker | claim, 4 workers | claim time with 100,000 finished jobs |"
        )
        print("| --- | --- | --- | --- | --- | --- |")
        for (name, store) in try await stores() {
            let queue = JobQueue(store)
            let count = 500
            let single = try await seconds { for number in 0..<count { _ = try await queue.insert([job(number)]) } }
            let batch = try await seconds { _ = try await queue.insert((0..<1000).map(job)) }
            let one = try await claimRate(of: queue, workers: 1, count: 500)
            let four = try await claimRate(of: queue, workers: 4, count: 1000)
            let ratios = try await slowdowns(of: queue, in: store)
            print(
                "| \(name) | \(rate(Double(count) / single)) | \(rate(1000 / batch)) | \(rate(one)) | \(rate(four)) | × \(String(format: "%.2f", ratios[2])) (median of 5, \(String(format: "%.2f", ratios[0])) to \(String(format: "%.2f", ratios[4]))) |"
            )
            try await store.durable.write { try $0.execute("DELETE FROM jobs") }
        }
        print("")
    }

    /// How much slower a worker claims jobs with 100,000 finished jobs in the table: five ratios, smallest first.
    private func slowdowns(of queue: JobQueue, in store: RecordStore) async throws -> [Double] {
        var ratios: [Double] = []
        // Alternate between an empty table and one with finished jobs, so that drift affects both alike.
        for _ in 0..<5 {
            var rates: [Double] = []
            for finished in [0, 100_000] {
                try await store.durable.write { try $0.execute("DELETE FROM jobs") }
                if finished > 0 { try await insertFinishedJobs(finished, into: store) }
                _ = try await queue.insert((0..<1000).map(job))
                try await vacuum(store)
                rates.append(try await claimRate(of: queue, workers: 1, count: 1000))
            }
            ratios.append(rates[0] / rates[1])
        }
        return ratios.sorted()
    }

    /// Jobs per second that the workers claim and end.
    private func claimRate(of queue: JobQueue, workers: Int, count: Int) async throws -> Double {
        let time = try await seconds(workers: workers) { worker in
            for _ in 0..<(count / workers) {
                guard let job = try await queue.claim(1, worker: "\(worker)", lease: Self.lease).first else { return }
                _ = try await queue.end(job, .completed(message: nil), random: 0)
            }
        }
        return Double(count) / time
    }

    /// Inserts jobs that are already finished.
    private func insertFinishedJobs(_ count: Int, into store: RecordStore) async throws {
        let isServer = store.durable.dialect == .postgresql
        let numbers =
            isServer
            ? "SELECT generate_series AS n FROM generate_series(1, \(count))"
            : "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < \(count)) SELECT n FROM c"
        try await store.durable.write { connection in
            try connection.execute(
                """
                INSERT INTO jobs (pipeline, name, asset, directory, options, account, queue, priority, attempt,
                    maxAttempts, state, labels, insertedAt, scheduledAt, finishedAt, lease, needs)
                SELECT '/none.json', 'none', '/old.mp4', '/tmp', '[]', 'default', 'default', 0, 1, 20, 'completed', '',
                    1, 1, 2, 1, '' FROM (\(numbers)) AS numbers
                """)
        }
    }

    /// Does the vacuum and analysis that the database would do later, so that it does not happen during a measurement.
    private func vacuum(_ store: RecordStore) async throws {
        if store.durable.dialect == .postgresql { try await store.durable.scrub(["jobs"]) }
        try await store.durable.write { try $0.execute("ANALYZE jobs") }
    }

    // MARK: Scaling

    /// Uses jobs that sleep, so that only the queue limits how well the workers scale.
    private func measureScaling() async throws {
        print(
            "Jobs that sleep 250 ms, 24 per worker; efficiency is the ideal time divided by the actual time.\n")
        print("| workers | SQLite | PostgreSQL |\n| --- | --- | --- |")
        var rows: [Int: [String]] = [:]
        for (_, store) in try await stores() {
            for workers in [1, 2, 4, 8] {
                let queue = JobQueue(store)
                _ = try await queue.insert((0..<(24 * workers)).map(job))
                let time = try await seconds(workers: workers) { worker in
                    while let job = try await queue.claim(1, worker: "\(worker)", lease: Self.lease).first {
                        try await Task.sleep(for: .milliseconds(250))
                        _ = try await queue.end(job, .completed(message: nil), random: 0)
                    }
                }
                rows[workers, default: []].append(String(format: "%.3f", 24 * 0.25 / time))
            }
            try await store.durable.write { try $0.execute("DELETE FROM jobs") }
        }
        for workers in [1, 2, 4, 8] { print("| \(workers) | \((rows[workers] ?? []).joined(separator: " | ")) |") }
        print("")
    }

    // MARK: The real worker

    private func worker(_ database: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = ["worker", "--concurrency", "4"]
        process.environment = ProcessInfo.processInfo.environment.merging([
            "SPREADER_DB": database, "SPREADER_HOME": folder.appending(path: "home").path,
        ]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// The time from the commit of a job to its claim by a worker process, by the database's clock.
    private func measureLatency() async throws {
        print("From the commit of a job to a worker's claim, 100 jobs at random times (ms).\n")
        print("| database | p50 | p95 | max |\n| --- | --- | --- | --- |")
        let file = folder.appending(path: "latency.db").path
        for (name, database, store) in [
            ("SQLite, polled every second", "sqlite:\(file)", try RecordStore(sqlite: file)),
            (
                "PostgreSQL, notified", address,
                try await RecordStore.postgres(Secret(address), patience: .zero)
            ),
        ] {
            let queue = JobQueue(store)
            let worker = try worker(database)
            try await Task.sleep(for: .seconds(3))
            for number in 0..<100 {
                _ = try await queue.insert([job(number)])
                try await Task.sleep(for: .milliseconds(Int.random(in: 80...240)))
            }
            try await Task.sleep(for: .seconds(3))
            worker.terminate()
            worker.waitUntilExit()
            let waits = try await queue.jobs(limit: 200).compactMap { job in
                job.attemptedAt.map { $0.timeIntervalSince(job.insertedAt) * 1000 }
            }.sorted()
            guard waits.count == 100 else { throw StageError(.internalFault, "\(waits.count) of 100 jobs began") }
            print("| \(name) | \(rounded(waits[50])) | \(rounded(waits[95])) | \(rounded(waits[99])) |")
            try await store.durable.write { try $0.execute("DELETE FROM jobs") }
        }
        print("")
    }

    /// The number of statements that an idle worker sends to the server.
    private func measureIdleLoad() async throws {
        let length = 60.0
        // Applies to new connections, which are the worker's.
        try await RecordStore.postgres(Secret(address), patience: .zero).durable.write {
            try $0.execute("ALTER ROLE bench SET log_statement = 'all'")
        }
        let worker = try worker(address)
        try await Task.sleep(for: .seconds(5))
        let before = try statements()
        try await Task.sleep(for: .seconds(length))
        let count = try statements() - before
        worker.terminate()
        worker.waitUntilExit()
        print(
            "An idle worker sends PostgreSQL \(String(format: "%.2f", Double(count) / length)) statements per second, BEGIN and COMMIT included (over \(Int(length)) s).\n"
        )
    }

    private func statements() throws -> Int {
        try String(contentsOf: log, encoding: .utf8).split(separator: "\n").count { line in
            line.contains("execute ") || line.contains("statement: ")
        }
    }

    // MARK: Helpers

    private func seconds(_ body: () async throws -> Void) async throws -> Double {
        let start = ContinuousClock.now
        try await body()
        return (ContinuousClock.now - start).inSeconds
    }

    /// The time until concurrent workers have all done their work.
    private func seconds(
        workers: Int, _ work: @escaping @Sendable (_ worker: Int) async throws -> Void
    ) async throws -> Double {
        try await seconds {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<workers { group.addTask { try await work(worker) } }
                try await group.waitForAll()
            }
        }
    }

    private func rate(_ value: Double) -> String { String(format: "%.0f", value) }
    private func rounded(_ value: Double) -> String { String(format: "%.1f", value) }
}

import Foundation
import Glibc
import PipelineKit
import StageHosting
import Store

/// One attempt at a job: runs this program as a child process in the job's folder, under the worker's lease.
package struct JobProcess: Sendable {
    /// The environment variable with the job ID and lease number, as `JobFence` writes them.
    package static let leaseSetting = "SPREADER_JOB"
    /// The environment variable with the labels of the worker.
    package static let labelsSetting = "SPREADER_JOB_LABELS"
    /// The environment variable with the asset's name, in case the footage was fetched to another path.
    package static let assetSetting = "SPREADER_JOB_ASSET"
    /// How long before the lease ends to stop the child. A child may take 4 s to stop (its contract is 3 s), or less if the
    /// lease is short.
    static func ending(of lease: Duration) -> Duration { min(.seconds(5), lease * 0.4) }

    let held: JobLease
    let database: Secret
    /// The worker's data folder, which holds the vault's key.
    let home: String
    /// The labels of the worker.
    let labels: Set<String>
    /// The artifact store that machines share, for footage that this machine lacks; nil if there is none.
    let artifacts: (any ArtifactStore)?
    let digests: FileDigests
    /// Settings of the worker that override those of the job's folder, such as the vault key.
    let settings: [String: String]
    /// How long the lease lasts without a heartbeat.
    let lease: Duration

    /// Runs the job until it ends.
    ///
    /// Cancelling the task sends SIGTERM to the child, and kills it if it does not stop in time.
    /// - Parameter onEvent: Receives each event of the run.
    /// - Returns: How the child ended.
    /// - Throws: `StageError` if the footage can't be fetched or the child can't be started.
    func run(onEvent: @escaping @Sendable (JSONValue) -> Void) async throws(StageError) -> TerminationReason {
        defer { try? FileManager.default.removeItem(at: fetched) }
        let launch = launch(try await footage())
        let grace = Self.ending(of: lease).inSeconds * 0.8
        return try await BlockingWork.run(name: "job") { (flag) throws(StageError) in
            let child: ChildProcess
            do {
                child = try ChildProcess.start(launch)
            } catch {
                throw StageError(.configuration, "the run can't be started: \(error)")
            }
            defer { close(child.output) }
            // A run does not read standard input.
            close(child.input)
            Self.follow(child, flag, grace, onEvent)
            return child.reaped(waits: true) ?? .exited(-1)
        }
    }

    /// Where fetched footage is stored during the attempt.
    private var fetched: URL { Self.footage(home).appending(path: "job-\(held.job.id)-\(held.number)") }

    private static func footage(_ home: String) -> URL { URL(filePath: home).appending(path: "footage") }

    /// Deletes footage that killed workers left behind: everything older than two days, since no attempt lasts that long.
    static func sweep(home: String) {
        let folder = footage(home)
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] {
            let path = folder.appending(path: name).path
            let moment = (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
            if let moment, moment.timeIntervalSinceNow < -172_800 { try? FileManager.default.removeItem(atPath: path) }
        }
    }

    /// The path of the footage on this machine: its own path, or a copy fetched together with its sidecars.
    private func footage() async throws(StageError) -> String {
        let work = held.job.work
        guard let artifacts, let footage = work.footage, let first = footage.files.first else { return work.asset }
        // The file at this path may differ from the one on the machine that queued the job.
        if FileManager.default.fileExists(atPath: work.asset),
            try await digests.sha256(of: work.asset) == first.digest
        {
            return work.asset
        }
        for file in footage.files.reversed() {
            guard try await artifacts.fetch(file.digest, to: fetched.appending(path: file.name).path) else {
                throw StageError(
                    .fileSystem, "\(file.name) is neither at \(work.asset) nor in \(artifacts.name)",
                    hint: "restore the file, or queue the footage again", recovery: .transient(after: nil))
            }
        }
        return fetched.appending(path: first.name).path
    }

    private func launch(_ asset: String) -> WorkerLaunch {
        let work = held.job.work
        var environment = ProcessInfo.processInfo.environment
        environment[Self.leaseSetting] = JobFence(held).text
        environment.merge(settings) { $1 }
        environment[Self.labelsSetting] = labels.sorted().joined(separator: ",")
        environment[Self.assetSetting] = work.asset
        environment["SPREADER_HOME"] = home
        // Not as an argument, because every user of the machine can read those.
        environment["SPREADER_DB"] = database.reveal()
        var launch = WorkerLaunch(
            executable: "/proc/self/exe",
            arguments: ["run", work.pipeline, asset, "--format", "json", "--no-wait"]
                + work.options,
            environment: environment)
        launch.directory = work.directory
        return launch
    }

    /// Reads events until the child closes its output. Once `flag` is cancelled, sends SIGTERM, and SIGKILL after `grace`
    /// seconds.
    private static func follow(
        _ child: ChildProcess, _ flag: CancellationFlag, _ grace: Double, _ onEvent: (JSONValue) -> Void
    ) {
        var line = Data()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var askedAt: Double?
        while true {
            if flag.isCancelled {
                if askedAt == nil {
                    askedAt = ProcessInfo.processInfo.systemUptime
                    _ = Glibc.kill(child.identifier, SIGTERM)
                } else if let askedAt, ProcessInfo.processInfo.systemUptime - askedAt > grace {
                    child.kill()
                }
            }
            var ready = pollfd(fd: child.output, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 100) > 0 else { continue }
            let count = read(child.output, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            line.append(contentsOf: buffer[..<count])
            while let end = line.firstIndex(of: 10) {
                if let event = try? JSONDecoder().decode(JSONValue.self, from: line[line.startIndex..<end]) {
                    onEvent(event)
                }
                line = Data(line[line.index(after: end)...])
            }
        }
    }
}

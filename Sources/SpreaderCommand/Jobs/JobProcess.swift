import Foundation
import Glibc
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import StageHosting
import Store

/// One attempt at a job: this program as a child, in the job's folder, told of the hold that it works under.
struct JobProcess: Sendable {
    /// Where a child finds the hold on its job.
    static let leaseSetting = "SPREADER_JOB"
    /// Where a child finds what its worker offers.
    static let labelsSetting = "SPREADER_JOB_LABELS"
    /// Where a child finds what its asset is called, when its file is somewhere else.
    static let assetSetting = "SPREADER_JOB_ASSET"
    /// How long before a lease's end its child is ended: the child may take 4 s to stop, its own contract being 3 s, and
    /// less where the lease is short.
    static func ending(of lease: Duration) -> Duration { min(.seconds(5), lease * 0.4) }

    let held: JobLease
    let database: Secret
    /// The worker's data folder, which holds the vault's key.
    let home: String
    /// What the worker offers.
    let labels: Set<String>
    /// Where footage is that is not on this machine; nil when there is no such place.
    let artifacts: (any ArtifactStore)?
    /// What files hold.
    let digests: FileDigests
    /// Settings of the worker that hold for its jobs wherever they are, such as the vault's key.
    let settings: [String: String]
    /// How long a job is held without a heartbeat.
    let lease: Duration

    /// Runs the job until it ends.
    ///
    /// Cancelling the task asks the child to stop, and ends it when it does not.
    /// - Parameter onEvent: Takes each event of the run.
    /// - Returns: How the child ended.
    /// - Throws: `StageError` when its footage can't be had, or it can't be started.
    func run(onEvent: @escaping @Sendable (JSONValue) -> Void) async throws(StageError) -> WorkerEnd {
        defer { try? FileManager.default.removeItem(at: fetched) }
        let launch = launch(try await footage())
        let grace = Self.ending(of: lease).inSeconds * 0.8
        return try await BlockingWork.run(name: "job") { (flag) throws(StageError) in
            let child: ChildProcess
            do {
                child = try ChildProcess.start(launch)
            } catch {
                throw StageError(.configuration, "a run can't be started: \(error)")
            }
            defer { close(child.output) }
            // A run reads nothing.
            close(child.input)
            Self.follow(child, flag, grace, onEvent)
            return child.reaped(waits: true) ?? .exited(-1)
        }
    }

    /// Footage that this machine lacks is kept here for as long as the attempt lasts.
    private var fetched: URL { Self.footage(home).appending(path: "job-\(held.job.id)-\(held.number)") }

    private static func footage(_ home: String) -> URL { URL(filePath: home).appending(path: "footage") }

    /// Erases what workers that were killed have fetched: no attempt lasts for days.
    static func sweep(home: String) {
        let folder = footage(home)
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] {
            let path = folder.appending(path: name).path
            let moment = (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
            if let moment, moment.timeIntervalSinceNow < -172_800 { try? FileManager.default.removeItem(atPath: path) }
        }
    }

    /// Where the footage is on this machine: at its own path, or fetched with what stands beside it.
    private func footage() async throws(StageError) -> String {
        let work = held.job.work
        guard let artifacts, let footage = work.footage, let first = footage.files.first else { return work.asset }
        // Another machine may have another file at the same path.
        if FileManager.default.fileExists(atPath: work.asset),
            try await digests.sha256(of: work.asset) == first.digest
        {
            return work.asset
        }
        for file in footage.files.reversed() {
            guard try await artifacts.fetch(file.digest, to: fetched.appending(path: file.name).path) else {
                throw StageError(
                    .fileSystem, "\(file.name) is neither at \(work.asset) nor in \(artifacts.name)",
                    hint: "put it back, or queue the footage again", recovery: .transient(after: nil))
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
        // Not as an argument, which everybody on the machine can read.
        environment["SPREADER_DB"] = database.reveal()
        var launch = WorkerLaunch(
            executable: "/proc/self/exe",
            arguments: ["run", work.pipeline, asset, "--format", "json", "--no-wait"]
                + work.options,
            environment: environment)
        launch.directory = work.directory
        return launch
    }

    /// Reads events until the child closes its output; asks it to stop when told so.
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

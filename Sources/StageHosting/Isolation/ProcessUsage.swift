import Foundation
import Glibc

/// The resource usage of processes, read from `/proc`.
struct ProcessUsage {
    /// Resident memory in bytes.
    private(set) var memory: Int64 = 0
    /// Processor time in seconds, including that of reaped children.
    fileprivate(set) var processor: Double = 0

    private static let page = Int64(sysconf(Int32(_SC_PAGESIZE)))
    private static let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))

    /// Reads the usage of one process; nil if it is gone or `/proc` does not tell.
    init?(of identifier: Int32) {
        guard let fields = Self.fields(of: identifier) else { return nil }
        add(fields)
    }

    /// Adds up the usage of all processes of a group.
    init(ofGroup group: Int32) {
        guard let folder = opendir("/proc") else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let identifier = Int32(name), let fields = Self.fields(of: identifier), fields[2] == group else {
                continue
            }
            add(fields)
        }
    }

    private mutating func add(_ fields: [Int64]) {
        memory += fields[21] * Self.page
        processor += Double(fields[11] + fields[12] + fields[13] + fields[14]) / Self.ticks
    }

    /// The fields of `/proc/N/stat` from the third (state), which has index 0.
    private static func fields(of identifier: Int32) -> [Int64]? {
        guard let file = fopen("/proc/\(identifier)/stat", "re") else { return nil }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 1024)
        guard fgets(&text, Int32(text.count), file) != nil else { return nil }
        let line = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The process name may contain spaces and brackets.
        guard let end = line.lastIndex(of: ")") else { return nil }
        let fields = line[line.index(after: end)...].split(separator: " ").map { Int64($0) ?? 0 }
        return fields.count > 21 ? fields : nil
    }
}

/// Samples the resource usage of a child, at limited intervals. Use it only on the child's own thread.
struct UsageSampler {
    /// The least interval between samples of a process group, each of which reads all of `/proc`.
    private static let groupInterval = Duration.milliseconds(500)
    /// The least interval between samples of a single process.
    private static let processInterval = Duration.milliseconds(50)

    private let process: ChildProcess
    private let countsGroup: Bool
    private var lastSample = SuspendingClock.now - groupInterval
    /// The processor time at the start of a request.
    private var baseline: (start: SuspendingClock.Instant, processor: Double)?

    init(_ process: ChildProcess, countsGroup: Bool) {
        self.process = process
        self.countsGroup = countsGroup
    }

    /// The child's resource usage, with processor time counted from the first sample after `start`; nil if the last
    /// sample is recent or the process is gone.
    mutating func sample(since start: SuspendingClock.Instant) -> ProcessUsage? {
        let now = SuspendingClock.now
        guard now - lastSample >= (countsGroup ? Self.groupInterval : Self.processInterval) else { return nil }
        lastSample = now
        guard var usage = countsGroup ? process.groupUsage : process.usage else { return nil }
        if baseline?.start != start { baseline = (start, usage.processor) }
        usage.processor -= baseline?.processor ?? 0
        return usage
    }
}

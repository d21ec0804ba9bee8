import CProcess
import Foundation

/// A sandbox policy: what a child process may access while it works.
package struct SandboxPolicy: Sendable, Hashable, Codable {
    /// Files and folders that it may read; nil for all.
    package var reads: [String]?
    /// Files and folders that it may write.
    package var writes: [String]
    /// Whether it may use the network and start programs.
    package var network: Bool

    package init(reads: [String]?, writes: [String], network: Bool = false) {
        self.reads = reads
        self.writes = writes
        self.network = network
    }
}

extension SandboxPolicy {
    /// Paths that libraries read besides the footage: themselves, fonts, time zones, user names, descriptions of the
    /// machine. The task scheduler reads the state of its threads in `/proc`; Landlock still denies access to the
    /// environment, memory and files of other processes there.
    private static let systemPaths = [
        "/usr", "/lib", "/lib64", "/etc/fonts", "/etc/localtime", "/etc/ld.so.cache", "/etc/nsswitch.conf",
        "/etc/passwd", "/etc/group", "/var/cache/fontconfig", "/proc", "/sys/devices/system/cpu", "/sys/fs/cgroup",
        "/dev/urandom", "/dev/null", "/dev/zero",
    ]

    /// Applies the policy to this process, irrevocably. Call it while the process has one thread.
    /// - Returns: The mechanisms in force: `landlock` for files, `seccomp` for the network and other processes.
    func confineThisProcess() -> [String] {
        var inForce: [String] = []
        let home = ProcessInfo.processInfo.environment["HOME"] ?? "/nonexistent"
        let fonts = [".fonts", ".local/share/fonts", ".cache/fontconfig"].map { "\(home)/\($0)" }
        let readable = (reads ?? []) + Self.systemPaths + fonts
        let isAlone = spreader_thread_count() == 1
        let allowsAllFiles = writes == ["/"] && reads == nil
        if !allowsAllFiles, confineFiles(readable: readable), isAlone { inForce.append("landlock") }
        if !network, spreader_forbid_network() == 0 { inForce.append("seccomp") }
        return inForce
    }

    /// Limits this thread and those that it starts later to the readable and writable paths. Returns false if the
    /// kernel does not support that.
    private func confineFiles(readable: [String]) -> Bool {
        Self.withCPaths(readable) { readable in
            Self.withCPaths(writes + ["/dev/null"]) { writable in
                var policy = spreader_reach(readable: readable, writable: writable, reads_all: reads == nil ? 1 : 0)
                return spreader_confine_files(&policy) == 0
            }
        }
    }

    /// Calls `body` with the paths as a C array that ends with a null pointer.
    private static func withCPaths<Value>(
        _ paths: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Value
    ) -> Value {
        let texts = paths.map { strdup($0) }
        defer { for text in texts { free(text) } }
        let pointers = texts.map { UnsafePointer($0) } + [nil]
        return pointers.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return withUnsafePointer(to: nil, body) }
            return body(base)
        }
    }
}

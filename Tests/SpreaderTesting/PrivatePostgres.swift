import Foundation
import Synchronization

/// A private PostgreSQL server for tests, started on first use and stopped with the test process.
public final class PrivatePostgres: Sendable {
    /// A failure of the server or one of its tools.
    public struct Problem: Error, CustomStringConvertible {
        public var description: String
    }

    /// The folder of the newest installed server's programs, at the path of Debian's packages.
    private static let programs: URL? = {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let folders = versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }
            .map { URL(filePath: "/usr/lib/postgresql/\($0)/bin") }
        return folders.first { FileManager.default.isExecutableFile(atPath: $0.appending(path: "initdb").path) }
    }()

    /// Whether PostgreSQL is installed.
    public static var isAvailable: Bool { programs != nil }

    private static let shared = Mutex<PrivatePostgres?>(nil)

    /// Returns the server that all tests of this process share.
    /// - Throws: `Problem` if it does not start.
    public static func server() throws -> PrivatePostgres {
        try shared.withLock { server in
            if let server { return server }
            let started = try PrivatePostgres()
            server = started
            atexit { PrivatePostgres.shared.withLock { $0 = nil } }
            return started
        }
    }

    private let folder: URL
    private let process = Mutex<Process?>(nil)

    /// Starts a separate server, for tests that stop it.
    /// - Throws: `Problem` if it does not start.
    public init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "pg-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // PostgreSQL refuses to run as root.
        if getuid() == 0 {
            guard let owner = getpwnam("postgres") else { throw Problem(description: "the user postgres is missing") }
            chown(folder.path, owner.pointee.pw_uid, owner.pointee.pw_gid)
        }
        try run("initdb", ["-D", folder.appending(path: "data").path, "-A", "trust", "-U", "tester", "--no-sync"])
        try start()
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Starts the server, or restarts it after ``stop()``.
    /// - Throws: `Problem` if it does not accept connections.
    public func start() throws {
        // Not with pg_ctl: the daemon would inherit its descriptors, and Foundation would wait for the daemon to close them.
        let server = try launch(
            "postgres",
            [
                "-D", folder.appending(path: "data").path, "-k", folder.path, "-c", "listen_addresses=", "-c",
                "fsync=off", "-c", "max_connections=200",
            ])
        process.withLock { $0 = server.process }
        for _ in 0..<600 {
            if (try? run("pg_isready", ["-q", "-h", folder.path])) != nil { return }
            guard server.process.isRunning else { break }
            usleep(50_000)
        }
        throw Problem(description: "the server did not start: \(server.messages())")
    }

    /// Stops the server immediately, like a crash.
    public func stop() {
        process.withLock { process in
            guard let running = process, running.isRunning else { return }
            kill(running.processIdentifier, SIGQUIT)
            running.waitUntilExit()
            process = nil
        }
    }

    /// Creates an empty database.
    /// - Returns: Its `postgres:` URL.
    /// - Throws: `Problem` if it can't be created.
    public func database() throws -> String {
        let name = "t\(UUID().uuidString.lowercased().replacing("-", with: ""))"
        try run("createdb", ["-h", folder.path, "-U", "tester", name])
        return "postgres://tester@/\(name)?host=\(folder.path)"
    }

    /// Drops the database with this URL, even if it has connections.
    public func drop(_ address: String) {
        guard let name = URLComponents(string: address)?.path.dropFirst() else { return }
        try? run("dropdb", ["-h", folder.path, "-U", "tester", "--force", String(name)])
    }

    /// A PgBouncer in transaction mode: every transaction may use a different connection to the server.
    public final class Pooler: Sendable {
        /// Whether PgBouncer is installed.
        public static var isAvailable: Bool { FileManager.default.isExecutableFile(atPath: "/usr/sbin/pgbouncer") }

        private let folder: URL
        private let process: Process
        /// The URL of the database through the pooler.
        public let address: String

        fileprivate init(_ server: PrivatePostgres, _ address: String) throws {
            folder = server.folder.appending(path: "pool-\(UUID().uuidString.prefix(8))")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            if getuid() == 0, let owner = getpwnam("postgres") {
                chown(folder.path, owner.pointee.pw_uid, owner.pointee.pw_gid)
            }
            let settings = folder.appending(path: "settings.ini")
            try """
            [databases]
            * = host=\(server.folder.path) user=tester
            [pgbouncer]
            listen_addr =
            unix_socket_dir = \(folder.path)
            auth_type = any
            pool_mode = transaction
            default_pool_size = 3
            """.write(to: settings, atomically: true, encoding: .utf8)
            process = PrivatePostgres.process(running: "/usr/sbin/pgbouncer", arguments: ["-q", settings.path])
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            self.address = address.replacing("host=\(server.folder.path)", with: "host=\(folder.path)&port=6432")
            for _ in 0..<200 where !FileManager.default.fileExists(atPath: folder.path + "/.s.PGSQL.6432") {
                usleep(50_000)
            }
        }

        deinit { kill(process.processIdentifier, SIGKILL) }
    }

    /// Starts a transaction pooler for a database of this server.
    /// - Throws: If it can't be started.
    public func pooler(for address: String) throws -> Pooler { try Pooler(self, address) }

    private func run(_ program: String, _ arguments: [String]) throws {
        let started = try launch(program, arguments)
        started.process.waitUntilExit()
        guard started.process.terminationStatus == 0 else {
            throw Problem(
                description: "\(program) ended with \(started.process.terminationStatus): \(started.messages())")
        }
    }

    private func launch(
        _ program: String, _ arguments: [String]
    ) throws -> (process: Process, messages: () -> String) {
        guard let programs = Self.programs else { throw Problem(description: "PostgreSQL is not installed") }
        let process = Self.process(running: programs.appending(path: program).path, arguments: arguments)
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let log = folder.appending(path: "\(program).log")
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        process.standardError = try FileHandle(forWritingTo: log)
        try process.run()
        return (process, { (try? String(contentsOf: log, encoding: .utf8)) ?? "" })
    }

    /// A process that runs a program as the user `postgres` if this process runs as root.
    private static func process(running path: String, arguments: [String]) -> Process {
        let process = Process()
        if getuid() == 0 {
            process.executableURL = URL(filePath: "/usr/bin/setpriv")
            process.arguments = ["--reuid=postgres", "--regid=postgres", "--clear-groups", path] + arguments
        } else {
            process.executableURL = URL(filePath: path)
            process.arguments = arguments
        }
        return process
    }
}

import Crypto
import Foundation
import PipelineKit
import Posting
import Store
import Synchronization
import Testing

private let key = PostKey(account: "me", digest: "abc", slot: "tiktok")
private let announcement = PostAnnouncement(
    fileDigest: "f", fileBytes: 30, chunkSize: 10, chunkCount: 3, title: "t", privacyLevel: "SELF_ONLY", mode: .direct,
    username: "u")

@Suite struct PostLedgerTests {
    @Test(arguments: Backend.all) func remembersEachStepAcrossProcesses(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let id = try await database.ledger().reserve(key, asset: "a.mp4", runID: "r").id
        try await database.ledger().apply(.sending(announcement), to: id)
        try await database.ledger().apply(
            .accepted(publishID: "v_pub_file~1", uploadURL: Secret("https://u/?upload_token=hush")), to: id)
        let record = try #require(try await database.ledger().find(key))
        #expect(record.state == .accepted)
        #expect(record.publishID == "v_pub_file~1")
        #expect(record.uploadURL?.reveal() == "https://u/?upload_token=hush")
        #expect(record.announcement?.chunkCount == 3)
        try await database.ledger().apply(.uploaded, to: id)
        try await database.ledger().apply(.published(postIDs: [7_654_132_326_040_947_989], url: "https://t/1"), to: id)
        let published = try #require(try await database.ledger().find(key))
        #expect(published.postIDs == [7_654_132_326_040_947_989])
        #expect(published.uploadURL == nil)
    }

    @Test(arguments: Backend.all) func keepsUploadAddressesSealedOnDisk(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let ledger = try database.ledger()
        let id = try await ledger.reserve(key, asset: "a.mp4", runID: "r").id
        try await ledger.apply(.sending(announcement), to: id)
        try await ledger.apply(.accepted(publishID: "p", uploadURL: Secret("https://u/?upload_token=hush")), to: id)
        #expect(try await database.bytes().range(of: Data("upload_token".utf8)) == nil)
        await #expect(throws: StageError.self) { try await database.ledger(8).find(key) }
    }

    @Test(arguments: Backend.all) func aPublishedOrUnconfirmedPostIsNeverSentAgain(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let ledger = try database.ledger()
        let id = try await ledger.reserve(key, asset: "a.mp4", runID: "r").id
        try await ledger.apply(.sending(announcement), to: id)
        try await ledger.apply(.unconfirmed(reason: "no answer"), to: id)
        #expect(try await ledger.reserve(key, asset: "a.mp4", runID: "r2").state == .unconfirmed)
        await #expect(throws: StageError.self) { try await ledger.apply(.sending(announcement), to: id) }
        try await ledger.apply(.published(postIDs: [], url: nil), to: id)
        #expect(try await ledger.reserve(key, asset: "a.mp4", runID: "r3").state == .published)
        await #expect(throws: StageError.self) { try await ledger.apply(.failed(reason: "x"), to: id) }
    }

    @Test(arguments: Backend.all) func aFailedPostMayBeTriedAgain(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let ledger = try database.ledger()
        let first = try await ledger.reserve(key, asset: "a.mp4", runID: "r")
        try await ledger.apply(.sending(announcement), to: first.id)
        try await ledger.apply(.failed(reason: "refused"), to: first.id)
        let second = try await ledger.reserve(key, asset: "a.mp4", runID: "r2")
        #expect(second.id == first.id)
        #expect(second.state == .reserved)
        #expect(second.reason == nil)
    }

    @Test(arguments: Backend.all) func manyProcessesReserveOnePost(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let ledgers = try (0..<8).map { _ in try database.ledger() }
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for ledger in ledgers { group.addTask { try await ledger.reserve(key, asset: "a", runID: "r").id } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
    }
}

extension PostLedgerTests {
    @Test(arguments: Backend.all)
    func whoeverTookAPostOverAloneSaysThatNothingCameOfIt(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let (first, second) = (try database.ledger(), try database.ledger())
        let id = try await first.reserve(key, asset: "a.mp4", runID: "r1").id
        try await first.apply(.sending(announcement), to: id)
        try await first.apply(.accepted(publishID: "p", uploadURL: Secret("https://u")), to: id)
        // Taken for lost: another one goes on with it.
        #expect(try await second.reserve(key, asset: "a.mp4", runID: "r2").state == .accepted)
        let error = await #expect(throws: StageError.self) {
            try await first.apply(.failed(reason: "the address has ended"), to: id)
        }
        #expect(error?.code == .busy)
        try await second.apply(.uploaded, to: id)
        // A person or a webhook settles it from outside.
        try await database.ledger().apply(.failed(reason: "said by the service"), to: id)
        #expect(try await second.find(key)?.state == .failed)
        withExtendedLifetime(database) {}
    }

    @Test(arguments: Backend.all) func aLostJobBeginsNoPostAndGivesNoneUp(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let time = TestTime()
        let store = try database.store(time)
        let queue = JobQueue(store)
        _ = try await queue.insert([NewJob(pipeline: "/p", name: "p", asset: "/a", directory: "/")])
        let lease = try #require(try await queue.claim(1, worker: "w", lease: .seconds(10)).first)
        let ledger = SQLPostLedger(store, sealer: database.sealer(1), fence: JobFence(lease))
        let id = try await ledger.reserve(key, asset: "a", runID: "r").id
        time.advance(by: 11)
        #expect(try await queue.rescue().count == 1)
        await #expect(throws: StageError.self) { try await ledger.apply(.sending(announcement), to: id) }
        await #expect(throws: StageError.self) { try await ledger.reserve(key, asset: "a", runID: "r") }
        // One that goes on with a post that an earlier attempt took up.
        let later = SQLPostLedger(store, sealer: database.sealer(1), fence: JobFence(lease))
        await #expect(throws: StageError.self) { try await later.apply(.failed(reason: "r"), to: id) }
        #expect(try await ledger.find(key)?.state == .reserved)
        // What it knows for certain counts, for as long as nobody else has taken the post up.
        try await ledger.apply(.failed(reason: "refused"), to: id)
        #expect(try await ledger.find(key)?.state == .failed)
        withExtendedLifetime(database) {}
    }
}

@Suite struct SeriesCutsTests {
    @Test(arguments: Backend.all) func whereASeriesIsCutIsKeptForItsFootageAlone(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let ledger = try database.ledger()
        let key = PostKey(account: "me", digest: "d", slot: "series#/3")
        #expect(try await ledger.cuts(key) == nil)
        try await ledger.keep(cuts: [8.5, 17.6], key)
        try await ledger.keep(cuts: [8.5, 17.25], key)
        #expect(try await ledger.cuts(key) == [8.5, 17.25])
        #expect(try await ledger.cuts(PostKey(account: "me", digest: "other", slot: "series#/3")) == nil)
        #expect(try await ledger.series(PostKey(account: "me", digest: "d", slot: "series")).isEmpty)
    }
}

@Suite struct UploadRateTests {
    @Test(arguments: Backend.all) func theFastestUploadSinceAMomentCounts(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let time = TestTime(100_000)
        let ledger = SQLPostLedger(try database.store(time), sealer: Sealer(key: SymmetricKey(size: .bits256)))
        #expect(try await ledger.uploadRate(to: "tiktok", since: .distantPast) == nil)
        for (rate, seconds) in [(9.0, 0.0), (5, 10), (7, 10), (6, 10)] {
            time.advance(by: seconds)
            try await ledger.note(uploadRate: rate, to: "tiktok")
        }
        #expect(try await ledger.uploadRate(to: "tiktok", since: Date(timeIntervalSince1970: 100_005)) == 7)
        #expect(try await ledger.uploadRate(to: "sandbox", since: .distantPast) == nil)
        time.advance(by: 86_385)
        try await ledger.note(uploadRate: 1, to: "tiktok")
        #expect(try await ledger.uploadRate(to: "tiktok", since: .distantPast) == 7)
    }
}

@Suite struct RatePermitTests {
    @Test(arguments: Backend.all) func waitsForTheSlidingWindow(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let time = TestTime(1000)
        let permits = SQLRatePermits(try database.store(time), maximumWait: .seconds(3600))
        let limit = RateLimit(name: "init", subject: "me", permits: 6, window: .seconds(60))
        for _ in 0..<6 { try await permits.acquire(limit) }
        #expect(time.now.timeIntervalSince1970 == 1000)
        time.advance(by: 20)
        try await permits.acquire(limit)
        #expect(time.now.timeIntervalSince1970 == 1060)
        try await permits.acquire(RateLimit(name: "init", subject: "other", permits: 6, window: .seconds(60)))
        #expect(time.now.timeIntervalSince1970 == 1060)
    }

    @Test(arguments: Backend.all) func learnsACapFromARefusalAndForgetsItWhenTheServiceSaysSo(_ backend: Backend)
        async throws
    {
        let database = try await TestDatabase(backend)
        let time = TestTime(100_000)
        let store = try database.store(HostClock(now: { time.now }, sleep: { _ in Issue.record("it waited") }))
        let permits = SQLRatePermits(store, maximumWait: .zero)
        let cap = RateLimit(name: "drafts", subject: "me", permits: RateLimit.unknown, window: .seconds(86_400))
        // Refused before anything of ours was taken: others used the cap, and nothing can be concluded.
        try await permits.refused(cap, taken: false)
        for _ in 0..<3 { try await permits.acquire(cap) }
        try await permits.refused(cap, taken: true)
        time.advance(by: 1)
        let error = await #expect(throws: StageError.self) { try await permits.acquire(cap) }
        #expect(error?.outcome == .tryLater)
        #expect(error?.message.contains("more than 2 drafts") == true, "\(String(describing: error))")
        // Another command asks the service itself, and so does this one after a while, or when it was told.
        try await SQLRatePermits(store, maximumWait: .zero).acquire(cap)
        try await permits.granted(cap)
        try await permits.acquire(cap)
        try await permits.refused(cap, taken: false)
        time.advance(by: 601)
        try await permits.acquire(cap)
    }

    @Test(arguments: Backend.all) func saysWhenInsteadOfWaitingTooLong(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let clock = HostClock(now: { Date(timeIntervalSince1970: 0) }, sleep: { _ in Issue.record("it waited") })
        let permits = SQLRatePermits(try database.store(clock), maximumWait: .zero)
        let limit = RateLimit(name: "uploads", subject: "", permits: 1, window: .seconds(86_400))
        try await permits.acquire(limit)
        await #expect {
            try await permits.acquire(limit)
        } throws: { error in
            (error as? StageError)?.outcome == .tryLater && (error as? StageError)?.message.contains("24 h") == true
        }
    }
}

@Suite struct VaultTests {
    private func sealer(_ byte: UInt8) -> Sealer { Sealer(key: SymmetricKey(data: Data(repeating: byte, count: 32))) }

    @Test func opensOnlyWithTheSameKeyAndContext() throws {
        let sealed = try sealer(1).seal(Secret("rft.secret"), context: "account:a")
        #expect(try sealer(1).open(sealed, context: "account:a").reveal() == "rft.secret")
        #expect(throws: StoreError.self) { try sealer(1).open(sealed, context: "account:b") }
        #expect(throws: StoreError.self) { try sealer(2).open(sealed, context: "account:a") }
        #expect(try sealer(1).seal(Secret("rft.secret"), context: "account:a") != sealed)
    }

    @Test func makesAKeyFileThatOnlyItsOwnerReads() async throws {
        let database = try await TestDatabase()
        let file = database.folder.appending(path: "home/vault.key")
        let sealed = try Sealer.resolve(setting: nil, file: file).seal(Secret("s"), context: "c")
        let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
        #expect(try Sealer.resolve(setting: nil, file: file).open(sealed, context: "c").reveal() == "s")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
        #expect(throws: StoreError.self) { try Sealer.resolve(setting: nil, file: file) }
        #expect(throws: StoreError.self) { try Sealer.resolve(setting: Secret("short"), file: file) }
    }

    private let account = AccountID(name: "a", service: "open.tiktokapis.com", identity: "a@1")

    @Test(arguments: Backend.all) func aNewKeyOpensWhatTheOldOneSealedAndSealsAnew(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let store = try database.store()
        let old = TokenVault(store, sealer: sealer(1))
        let profile = AccountProfile(openID: "open-1", displayName: "Ann", username: "ann")
        let tokens = TokenSet(
            accessToken: Secret("act.1"), refreshToken: Secret("rft.1"), expiresAt: Date(timeIntervalSince1970: 9),
            refreshExpiresAt: Date(timeIntervalSince1970: 99), scopes: ["video.publish"])
        try await old.connect(account, tokens, profile: profile, at: Date(timeIntervalSince1970: 1))
        let key = SymmetricKey(data: Data(repeating: 2, count: 32))
        let both = Sealer(key: key, older: [SymmetricKey(data: Data(repeating: 1, count: 32))])
        #expect(both.keyID != sealer(1).keyID && both.keyID == sealer(2).keyID)
        #expect(try await TokenVault(store, sealer: both).reseal() == 2)
        let vault = TokenVault(store, sealer: sealer(2))
        #expect(try await vault.tokens(for: account, seed: nil) == tokens)
        let record = try #require(try await vault.accounts().first)
        #expect(record.profile == profile && record.id == account && record.canRenew)
        #expect(record.refreshExpiresAt == Date(timeIntervalSince1970: 99))
        await #expect(throws: StageError.self) { try await old.accounts() }
        // One secret that can't be opened changes none.
        let stranger = TokenVault(store, sealer: sealer(3))
        await #expect(throws: StageError.self) { try await stranger.reseal() }
        #expect(try await vault.tokens(for: account, seed: nil) == tokens)
    }

    @Test func secretsOfOlderVersionsStillOpen() throws {
        let key = SymmetricKey(data: Data(repeating: 1, count: 32))
        let box = try ChaChaPoly.seal(Data("s".utf8), using: key, authenticating: Data("c".utf8))
        #expect(try sealer(1).open(box.combined, context: "c").reveal() == "s")
    }

    @Test(arguments: Backend.all) func renewedTokensLeaveTheOwnerAsItIs(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let vault = TokenVault(try database.store(), sealer: sealer(1))
        let profile = AccountProfile(openID: "open-1", displayName: "Ann")
        let login = TokenSet(
            accessToken: Secret("act.1"), refreshToken: Secret("rft.1"),
            refreshExpiresAt: Date(timeIntervalSince1970: 99))
        try await vault.connect(account, login, profile: profile, at: Date(timeIntervalSince1970: 1))
        try await vault.store(
            TokenSet(accessToken: Secret("act.2"), refreshToken: Secret("rft.2")), for: account, seed: nil,
            at: Date(timeIntervalSince1970: 2))
        try await vault.touch(account, at: Date(timeIntervalSince1970: 3))
        let record = try #require(try await vault.account(account))
        #expect(record.profile == profile && record.refreshExpiresAt == Date(timeIntervalSince1970: 99))
        #expect(record.connectedAt == Date(timeIntervalSince1970: 1))
        #expect(record.usedAt == Date(timeIntervalSince1970: 3))
        try await vault.end(account, because: "the creator removed the app", at: Date(timeIntervalSince1970: 4))
        let ended = try #require(try await vault.account(account))
        #expect(ended.endedBecause == "the creator removed the app" && !ended.canRenew)
        #expect(try await vault.tokens(for: account, seed: nil)?.accessToken == Secret(""))
        #expect(try await vault.disconnect(account))
        #expect(try await !vault.disconnect(account))
        #expect(try await vault.accounts().isEmpty)
    }

    @Test(arguments: Backend.all) func aClaimIsTakenOnceUntilItEnds(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let time = TestTime(100)
        let claims = SQLClaims(try database.store(time))
        #expect(try await claims.take("x", until: Date(timeIntervalSince1970: 200)))
        #expect(try await !claims.take("x", until: Date(timeIntervalSince1970: 300)))
        #expect(try await claims.isTaken("x"))
        #expect(try await !claims.isTaken("y"))
        time.advance(by: 101)
        #expect(try await claims.take("x", until: Date(timeIntervalSince1970: 300)))
    }

    @Test(arguments: Backend.all) func forgettingEmptiesPostsButKeepsThemPosted(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let store = try database.store()
        let ledger = SQLPostLedger(store, sealer: sealer(7))
        let post = try await ledger.reserve(key, asset: "clip.mp4", runID: "r")
        try await ledger.apply(.sending(announcement), to: post.id)
        try await ledger.apply(.accepted(publishID: "v_pub", uploadURL: Secret("https://u")), to: post.id)
        try await ledger.apply(.uploaded, to: post.id)
        try await ledger.apply(.published(postIDs: [7], url: "https://www.tiktok.com/@u/video/7"), to: post.id)
        let other = PostKey(account: "me", digest: "def", slot: "tiktok")
        let open = try await ledger.reserve(other, asset: "b.mp4", runID: "r")
        try await ledger.apply(.sending(announcement), to: open.id)
        #expect(try await store.forget(account: "me").posts == 2)
        let left = try #require(try await ledger.find(key))
        #expect(left.state == .published && left.publishID == nil && left.postIDs.isEmpty)
        #expect(left.announcement?.title == nil)
        #expect(left.url == nil && left.announcement?.username == nil && left.asset == "")
        #expect(try await ledger.find(other)?.state == .unconfirmed)
    }

    @Test(arguments: Backend.all) func storedTokensWinWhileTheEnvironmentNamesTheOldPair(_ backend: Backend)
        async throws
    {
        let database = try await TestDatabase(backend)
        let vault = TokenVault(try database.store(), sealer: sealer(1))
        let seed = TokenSet(accessToken: Secret("act.1"), refreshToken: Secret("rft.1"))
        #expect(try await vault.tokens(for: account, seed: seed) == seed)
        let rotated = TokenSet(accessToken: Secret("act.2"), refreshToken: Secret("rft.2"))
        try await vault.store(rotated, for: account, seed: seed, at: Date())
        #expect(try await vault.tokens(for: account, seed: seed)?.accessToken == Secret("act.2"))
        // Two renewed it at once, both with the first pair's token: the quicker one's stays.
        let slower = TokenSet(accessToken: Secret("act.3"), refreshToken: Secret("rft.3"))
        try await vault.store(slower, for: account, seed: seed, replacing: Secret("rft.1"), at: Date())
        #expect(try await vault.tokens(for: account, seed: seed)?.accessToken == Secret("act.2"))
        let fresh = TokenSet(accessToken: Secret("act.9"), refreshToken: Secret("rft.9"))
        #expect(try await vault.tokens(for: account, seed: fresh) == fresh)
        #expect(try await database.bytes().range(of: Data("act.2".utf8)) == nil)
    }
}

@Suite struct StoreFileTests {
    @Test func saysWhatIsWrongWithTheDatabase() async throws {
        let database = try await TestDatabase()
        try Data("this is no database, and long enough to be looked at".utf8).write(to: URL(filePath: database.file))
        #expect {
            try database.store()
        } throws: { error in
            (error as? StoreError)?.code == .cannotOpen && "\(error)".contains(database.file)
        }
    }

    @Test func manyProcessesMayMakeItAtOnce() async throws {
        for _ in 0..<5 {
            let database = try await TestDatabase()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        _ = try await BlockingWork.run(name: "open") { (_) throws(StageError) in
                            do throws(StoreError) {
                                return try RecordStore(sqlite: database.file)
                            } catch {
                                throw error.asStageError
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            withExtendedLifetime(database) {}
        }
    }

    @Test func theFileIsItsOwnersAlone() async throws {
        let database = try await TestDatabase()
        _ = try database.store()
        let mode = try FileManager.default.attributesOfItem(atPath: database.file)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
    }

    @Test(arguments: Backend.all) func digestsFollowTheContent(_ backend: Backend) async throws {
        let database = try await TestDatabase(backend)
        let digests = FileDigests(try database.store())
        let file = database.folder.appending(path: "f").path
        try Data("one".utf8).write(to: URL(filePath: file))
        let first = try await digests.sha256(of: file)
        #expect(first == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed")
        try Data("three".utf8).write(to: URL(filePath: file))
        #expect(try await digests.sha256(of: file) != first)
        await #expect(throws: StageError.self) { try await digests.sha256(of: file + "-gone") }
    }

    @Test(arguments: Backend.all) func aDigestBegunEarlierCountsOnlyForTheContentOfThen(_ backend: Backend) async throws
    {
        let database = try await TestDatabase(backend)
        var digests = FileDigests(try database.store())
        let file = database.folder.appending(path: "f").path
        #expect(DigestAhead(of: file) == nil)
        try Data("one".utf8).write(to: URL(filePath: file))
        digests.ahead = DigestAhead(of: file)
        #expect(
            try await digests.sha256(of: file) == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed")
        try Data("three".utf8).write(to: URL(filePath: file))
        let changed = try await FileDigests(nil).sha256(of: file)
        #expect(try await digests.sha256(of: file) == changed)
        // Asking for another file, whose digest is known, leaves this one alone; and one that was stopped is made anew.
        let second = database.folder.appending(path: "g").path
        try Data("one".utf8).write(to: URL(filePath: second))
        let known = try await digests.sha256(of: second)
        try Data("four".utf8).write(to: URL(filePath: file))
        let ahead = try #require(DigestAhead(of: file))
        digests.ahead = ahead
        #expect(try await digests.sha256(of: second) == known)
        ahead.cancel()
        #expect(try await digests.sha256(of: file) == FileDigests(nil).sha256(of: file))
    }
}

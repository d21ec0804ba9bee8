import Posting
import Testing

@testable import Store

/// Both ledgers keep to the rules that `PostLedgerConformance` states.
@Suite struct LedgerConformanceTests {
    @Test(arguments: Backend.all, PostLedgerConformance.checks)
    func theDurableLedgerKeepsTheRule(backend: Backend, check: PostLedgerConformance.Check) async throws {
        let database = try await TestDatabase(backend)
        try await check.run(database.ledger())
        withExtendedLifetime(database) {}
    }

    @Test(arguments: PostLedgerConformance.checks)
    func theInMemoryLedgerKeepsTheRule(check: PostLedgerConformance.Check) async throws {
        try await check.run(InMemoryLedger())
    }
}

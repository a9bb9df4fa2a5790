import { blameOf, isInfrastructureError, WorkTimeoutError } from './infrastructure-error';

const failure = (code: string) => Object.assign(new Error('it failed'), { code });

describe('An error of the infrastructure', () => {
  it.each([
    ['a connection is refused', 'ECONNREFUSED'],
    ['a connection breaks', '08006'],
    ['a password is being changed', '28P01'],
    ['a role may not log in', '28000'],
    ['a database is being restored', '3D000'],
    ['two transactions conflict', '40001'],
    ['the disk is full', '53100'],
    ['there are too many connections', '53300'],
    ['the server shuts down', '57P01'],
    ['the disk fails', '58030'],
    ['a lock is not available', '55P03'],
  ])('is one of which the work is not guilty: %s', (_, code) => {
    expect(isInfrastructureError(failure(code))).toBe(true);
    expect(isInfrastructureError(Object.assign(new Error('wrapped'), { driverError: failure(code) }))).toBe(
      true,
    );
    expect(isInfrastructureError(new AggregateError([failure('23505'), failure(code)]))).toBe(true);
  });

  it.each([
    ['a duplicate', '23505'],
    ['a value out of range', '22003'],
    ['a missing table', '42P01'],
    ['a permission', '42501'],
  ])('is none if the work itself is at fault: %s', (_, code) => {
    expect(isInfrastructureError(failure(code))).toBe(false);
  });

  it('is none if it is no error', () => {
    expect(isInfrastructureError('ECONNREFUSED')).toBe(false);
    expect(isInfrastructureError(new Error('any'))).toBe(false);
  });

  it.each([
    ['a statement that took too long', failure('57014')],
    ['a lock that was not available in time', failure('55P03')],
    ['a transaction that was idle for too long', failure('25P03')],
    ['a conflict that retries did not resolve', failure('40P01')],
    ['too many temporary files', failure('53400')],
    ['no answer in time', new Error('Query read timeout')],
    [
      'work that goes on after its transaction',
      new Error('Query runner already released. Cannot run queries.'),
    ],
    ['work that took too long', new WorkTimeoutError('it took too long')],
  ])('may also be the fault of the work: %s', (_, error) => {
    expect(blameOf(error)).toBe('unclear');
    expect(blameOf(Object.assign(new Error('wrapped'), { driverError: error }))).toBe('unclear');
    expect(isInfrastructureError(error)).toBe(true);
  });

  it('is certainly not the fault of the work if the database is away', () => {
    for (const code of ['ECONNREFUSED', '57P01', '57P03', '53300', '08006']) {
      expect(blameOf(failure(code))).toBe('database');
    }
    expect(blameOf(new AggregateError([failure('57014'), failure('57P01')]))).toBe('database');
  });
});

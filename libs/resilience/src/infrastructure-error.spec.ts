import { isInfrastructureError } from './infrastructure-error';

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
});

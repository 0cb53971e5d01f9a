'use client';
import { useSession } from '@/hooks/useSession-v2';

export function MyComponent() {
  const { 
    user, 
    isAuthenticated, 
    loading,
    needsOnboarding,
    tenantId 
  } = useSession();
  
  if (loading) return <div>Loading...</div>;
  if (!isAuthenticated) return <div>Please login</div>;
  
  return <div>Welcome {user.email}!</div>;
}
